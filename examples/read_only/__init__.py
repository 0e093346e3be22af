"""A checkout is removed whose objects git has made read-only.

On Windows deleting a read-only file is refused (5), whatever the rights of its directory.
"""
