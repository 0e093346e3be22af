"""A Python is unpacked and renamed into its place: the first run fails, the second succeeds.

On Windows renaming a directory is refused (5) while a scanner reads below it (astral-sh/uv#1327).
"""
