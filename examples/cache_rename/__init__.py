"""A wheel is unzipped beside the cache, then renamed into it, while a scanner reads one of its files.

On Windows renaming a directory is refused while a file below it is open. Small packages seldom show it, one
with a DLL of 37 MB every time (astral-sh/uv#1491).
"""
