"""Native programs, which are not Python, under the same rules: seccomp(2) user notification, on Linux alone."""
