"""Commands of `python -m pytest_fsfault`."""
