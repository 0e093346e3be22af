"""Two environments share their files with one cache.

On Windows a lock belongs to the file, not to its name: a program that runs from one environment blocks the deletion
of the other (astral-sh/uv#11134).
"""
