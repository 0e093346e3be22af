"""What it takes for a thread or a process to count as still."""

from __future__ import annotations

import sys
from os import O_RDONLY, close, read
from os import open as open_descriptor

from pytest_fsfault._core.clock import SECOND

# A thread is still after so many real nanoseconds, and so many looks, without a sign of life. The looks
# count as well, lest a machine under load, on which no thread runs for a while, seem still.
# Longer where the system does not tell who waits for a CPU; Windows, moreover, counts in ticks of 16 ms.
_QUIET = 5_000_000 if sys.platform == "linux" else 40_000_000
LOOKS = 5


class LastSign:
    """The last sign of life of a thread or a process, since when, and how often it was the same."""

    __slots__ = ("looks", "sign", "since")

    def __init__(self, sign: object, since: int) -> None:
        self.sign = sign
        self.since = since
        self.looks = 1

    def lasts(self, now: int, at_least: int = 0) -> bool:
        """Look once more, and return whether the quiet has lasted long enough."""
        self.looks += 1
        return self.looks >= LOOKS and now - self.since >= max(idle_threshold(), at_least)


def idle_threshold() -> int:
    """Return for how long a thread must use no CPU time to count as idle, in nanoseconds.

    A thread that waits for the interpreter's lock stirs once in each switch interval: two of them are added.
    """
    return _QUIET + round(2 * SECOND * sys.getswitchinterval())


def can_run(stat: str) -> bool:
    """Return whether Linux would let a thread run (it may be waiting for a CPU), or it waits for a disk.

    `stat` is the path of its file of that name, see proc(5).
    """
    try:
        descriptor = open_descriptor(stat, O_RDONLY)
    except OSError:
        return False
    try:
        return read(descriptor, 200).rpartition(b") ")[2][:1] in b"RD"
    except OSError:
        return False
    finally:
        close(descriptor)
