"""The side of pytest: hooks, gates around the test's call, results, settings."""
