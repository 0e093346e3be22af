"""A package is uninstalled while another Python has its extension loaded.

On Windows deleting a loaded library is refused (5). Once RECORD is gone, neither an uninstall nor an install works
(astral-sh/uv#11134).
"""
