"""A tool upgrades its own executable while it is running.

On Windows a running program can be neither deleted nor overwritten (5), but it can be renamed (astral-sh/uv#1368).
"""
