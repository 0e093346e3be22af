"""Journal and findings, for people and for programs."""
