"""Declared holders of files: holds and scanners."""
