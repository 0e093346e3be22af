"""Memory that a parent and its children share; in the page of it: server alive, generation of the rules, time."""

from __future__ import annotations

import mmap
import os
import sys
from os import O_RDWR, close, fstat
from os import open as open_descriptor
from typing import Any

from pytest_fsfault._intercept.children.rendezvous import (
    is_ours,
    is_private,
    open_private,
    page_of,
    write_private,
)

_SIZE = 64
# Before CPython 3.13 a map keeps a descriptor, a low one, which the code under test may expect to be free.
_NO_DESCRIPTOR: Any = {"trackfd": False} if sys.version_info >= (3, 13) else {}
_ALIVE, _GENERATION, _TIME = range(3)
_WARILY = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
_MAGIC = b"fsfault1"  # at the end of memory that has a name
# Such a map would close, at its end, whatever has got the number since: in a child it has none.
_kept: list[Any] = []


def mapped(path: str, size: int, *, create: bool = False) -> mmap.mmap:
    """Return memory that processes share who know a path in a private directory; it is written by who creates it.

    Raises:
        OSError: if there is no room for it, or none that is ours.

    """
    if sys.platform == "win32":
        made = _mapped_by_name(path, size, create)
    else:
        made = _mapped(path, size, create)
    if _is_child(path):
        _kept.append(made)
    return made


def _mapped(path: str, size: int, create: bool) -> mmap.mmap:
    if create:
        # Written, not only made long: where the disk is full, that says so now and not at the first access.
        write_private(path, bytes(size))
        descriptor = open_descriptor(path, O_RDWR | _WARILY)
    else:
        descriptor = open_private(path)
    try:
        if fstat(descriptor).st_size < size:
            raise PermissionError
        access = mmap.ACCESS_WRITE if create else mmap.ACCESS_READ
        return mmap.mmap(descriptor, size, access=access, **_NO_DESCRIPTOR)
    finally:
        close(descriptor)


def _mapped_by_name(path: str, size: int, create: bool) -> mmap.mmap:
    """Return memory that has the name of a path: a file could not be removed while a child has it."""
    directory = os.path.dirname(path)
    if not is_private(directory):
        raise PermissionError
    access = mmap.ACCESS_WRITE if create else mmap.ACCESS_READ
    tag: Any = {"tagname": f"Local\\{os.path.basename(directory)}-{os.path.basename(path)}"}
    made = mmap.mmap(-1, size, access=access, **tag)
    # There is always one of a name: a new one is empty.
    there = made[-8:] == _MAGIC
    if there is create:
        made.close()
        raise PermissionError
    if create:
        made[-8:] = _MAGIC
    return made


def _is_child(path: str) -> bool:
    """Return whether this process is a child of the one whose directory it is."""
    return not is_ours(path)


class SharedState:
    """Three numbers, each read and written in one piece.

    `alive` is 1 while the server answers; `generation` changes with rules, roots and gates; `time` is the virtual
    time in nanoseconds, as the parent last wrote it.

    Raises:
        OSError: if there is no room for the file, or none that is ours.

    """

    def __init__(self, directory: str, *, create: bool = False) -> None:
        self._map = mapped(page_of(directory), _SIZE, create=create)
        self.cells = memoryview(self._map).cast("q")

    def close(self, *, kept: bool = True) -> None:
        """Let go of the memory; its descriptor is not closed unless the code under test has `kept` ours."""
        self.cells.release()
        if kept:
            self._map.close()
        else:
            _kept.append(self._map)

    @property
    def alive(self) -> bool:
        """Whether the server answers."""
        return bool(self.cells[_ALIVE])

    @alive.setter
    def alive(self, value: bool) -> None:
        self.cells[_ALIVE] = int(value)

    @property
    def generation(self) -> int:
        """The number of changes so far."""
        return self.cells[_GENERATION]

    @generation.setter
    def generation(self, value: int) -> None:
        self.cells[_GENERATION] = value

    @property
    def time(self) -> int:
        """Virtual time in nanoseconds."""
        return self.cells[_TIME]

    @time.setter
    def time(self, value: int) -> None:
        self.cells[_TIME] = value
