"""What a number of Windows is for a program of Unix: the `errno` that its own system gives for the same reason.

A program that asks its kernel knows no number of Windows. CPython derives an `errno` from each (PC/errmap.h), but
by what the C runtime of DOS made of it: where a Unix kernel says something else for the same cause, that stands here.
"""

from __future__ import annotations

import errno

#: By the number of the error. The causes on Linux: rename(2), unlink(2), rmdir(2), link(2), open(2), write(2).
UNIX: dict[int, int] = {
    5: errno.EACCES,  # access denied
    17: errno.EXDEV,  # not the same device
    32: errno.EACCES,  # sharing violation: Rust's std and libuv show it as "permission denied", too
    33: errno.EACCES,  # lock violation
    80: errno.EEXIST,  # file exists
    112: errno.ENOSPC,  # disk full
    145: errno.ENOTEMPTY,  # directory not empty
    183: errno.EEXIST,  # already exists
    206: errno.ENAMETOOLONG,  # name too long, which is ENOENT by errmap.h
    303: errno.EACCES,  # delete pending, which is EINVAL by errmap.h
    1224: errno.ETXTBSY,  # mapped by another process
    1314: errno.EPERM,  # a privilege that is not held
}


def unix_errno(winerror: int | None, number: int) -> int:
    """Return the `errno` by which a native program meets an error; `number` is what CPython makes of it."""
    return number if winerror is None else UNIX.get(winerror, number)
