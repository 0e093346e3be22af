"""Shared memory with three integers: server alive, generation of the rules, virtual time."""

from __future__ import annotations

import mmap
import sys
from os import O_CREAT, O_EXCL, O_RDONLY, O_RDWR, close, ftruncate
from os import open as open_descriptor
from typing import Any

_SIZE = 64
# Before CPython 3.13 a map keeps a descriptor, a low one, which the code under test may expect to be free.
_NO_DESCRIPTOR: Any = {"trackfd": False} if sys.version_info >= (3, 13) else {}
_ALIVE, _GENERATION, _TIME = range(3)


class SharedState:
    """Three numbers, each read and written in one piece.

    `alive` is 1 while somebody answers; `generation` changes with rules, roots and gates; `time` is the virtual
    time in nanoseconds, as the parent last told it.
    """

    def __init__(self, path: str, *, create: bool = False) -> None:
        flags = O_RDWR | O_CREAT | O_EXCL if create else O_RDONLY
        descriptor = open_descriptor(path, flags, 0o600)
        try:
            if create:
                ftruncate(descriptor, _SIZE)
            access = mmap.ACCESS_WRITE if create else mmap.ACCESS_READ
            self._map = mmap.mmap(descriptor, _SIZE, access=access, **_NO_DESCRIPTOR)
        finally:
            close(descriptor)
        self.cells = memoryview(self._map).cast("q")

    def close(self) -> None:
        """Let go of the memory."""
        self.cells.release()
        self._map.close()

    @property
    def alive(self) -> bool:
        """Whether somebody answers."""
        return bool(self.cells[_ALIVE])

    @alive.setter
    def alive(self, value: bool) -> None:
        self.cells[_ALIVE] = int(value)

    @property
    def generation(self) -> int:
        """The number of changes so far."""
        return self.cells[_GENERATION]

    def change(self) -> None:
        """Let everybody ask anew what holds."""
        self.cells[_GENERATION] += 1

    @property
    def time(self) -> int:
        """Virtual time in nanoseconds."""
        return self.cells[_TIME]

    @time.setter
    def time(self, value: int) -> None:
        self.cells[_TIME] = value
