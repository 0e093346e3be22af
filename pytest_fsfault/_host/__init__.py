"""The system that runs the tests: its real functions, its processes, and where this package stands."""
