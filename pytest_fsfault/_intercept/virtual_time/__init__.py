"""Functions that read the clock or wait, by virtual time."""
