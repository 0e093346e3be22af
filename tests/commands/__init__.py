"""The commands of `python -m pytest_fsfault`."""
