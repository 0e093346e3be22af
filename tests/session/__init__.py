"""Sessions: scope, strictness, journal."""
