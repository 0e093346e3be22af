"""A native program under faults: uv, on Linux, where it is on the path."""
