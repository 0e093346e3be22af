"""Modules that are to believe that they run on Windows."""
