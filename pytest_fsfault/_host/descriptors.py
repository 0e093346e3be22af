"""What this system tells of open descriptors: which there are, the path behind one, and whether it may write."""

from __future__ import annotations

import os
import sys
from functools import cache
from os import listdir, readlink

from pytest_fsfault._host.paths import one_form

_F_GETPATH = 50  # <sys/fcntl.h> of macOS
_DELETED = " (deleted)"
_LISTS = {"linux": "/proc/self/fd", "darwin": "/dev/fd"}


def path_of_descriptor(descriptor: int) -> str | None:
    """Return the path behind an open descriptor, or None where it has none or the system does not tell."""
    try:
        if sys.platform == "linux":
            return readlink(f"/proc/self/fd/{descriptor}").removesuffix(_DELETED)
        if sys.platform == "darwin":
            import fcntl  # noqa: PLC0415  # exists on POSIX alone

            raw = fcntl.fcntl(descriptor, _F_GETPATH, bytes(1024))
            return os.fsdecode(raw.rstrip(b"\0"))
        if sys.platform == "win32":
            from pytest_fsfault._host.windows_api import final_path_name  # noqa: PLC0415

            return one_form(final_path_name(descriptor), "")
    except OSError:
        pass
    return None


def is_writable(descriptor: int) -> bool:
    """Return whether a descriptor was opened for writing; False if it is not open."""
    try:
        if sys.platform == "win32":
            from pytest_fsfault._host import windows_api  # noqa: PLC0415

            return windows_api.is_writable(descriptor)
        import fcntl  # noqa: PLC0415  # exists on POSIX alone

        return bool(fcntl.fcntl(descriptor, fcntl.F_GETFL) & (os.O_WRONLY | os.O_RDWR))
    except (OSError, TypeError):
        return False


@cache
def are_listed() -> bool:
    """Return whether the system tells which descriptors are open: Linux does not without ``/proc``."""
    return sys.platform == "win32" or bool(open_descriptors())


def open_descriptors() -> list[int]:
    """Return the open descriptors of this process; none where the system does not list them."""
    if sys.platform == "win32":
        from pytest_fsfault._host import windows_api  # noqa: PLC0415

        return windows_api.descriptors()
    where = _LISTS.get(sys.platform)
    try:
        return [int(name) for name in listdir(where)] if where else []
    except OSError:  # there is no /proc, as in some containers
        return []
