"""A checkout is removed whose objects git has made read-only.

On Windows a read-only file cannot be deleted (5), whatever the rights of its directory.
"""
