"""`python -m pytest_fsfault procmon`: from a log of Process Monitor to who held what, and to a test."""
