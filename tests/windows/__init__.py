"""The Windows model: what it refuses, what it allows, and what it shows."""
