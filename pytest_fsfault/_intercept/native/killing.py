"""Kill all processes of a tree at once, as the power does that fails, and tell which processes have a filter."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from time import monotonic, sleep
from typing import TYPE_CHECKING

from pytest_fsfault._host.originals import listdir
from pytest_fsfault._intercept.native import memory

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

# Who forks while it is stopped has a child that the next round finds.
_ROUNDS = 50
_DEATH = 5.0  # real seconds that the killed have to be gone


def kill_below(process: int, spared: Collection[int]) -> None:
    """Kill the processes that a process under a filter has started, and theirs, but for some that end by themselves."""
    kill_all(lambda: set(_children(process)), spared)


def kill_all(find: Callable[[], set[int]], spared: Collection[int] = ()) -> None:
    """Kill the processes that `find` returns at each round, and those below them, as far as they have a filter of ours."""
    own = filters("self")
    stopped: set[int] = set()
    for _ in range(_ROUNDS):
        below = _with_descendants(find() | stopped).difference(spared)
        found = {one for one in below if filters(str(one)) > own}
        if not found:
            break
        _signal(found, signal.SIGKILL if found <= stopped else signal.SIGSTOP)
        stopped |= found
    _await_end(stopped)


def _await_end(killed: Iterable[int]) -> None:
    """Wait until processes have ended: one that is killed has no filter any more, but its files for another moment."""
    until = monotonic() + _DEATH
    for one in killed:
        while _status(str(one)) and monotonic() < until:
            sleep(0.001)


def _signal(processes: Iterable[int], number: int) -> None:
    for one in processes:
        with suppress(OSError):  # it has ended
            os.kill(one, number)


def _with_descendants(processes: Iterable[int]) -> set[int]:
    waiting = list(processes)
    found: set[int] = set()
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting += _children(one)
    return found


def _children(process: int) -> list[int]:
    try:
        tasks = listdir(f"/proc/{process}/task")
    except OSError:
        return []
    return [child for task in tasks for child in children_of_thread(str(process), task)]


def children_of_thread(process: str, task: int | str) -> list[int]:
    """Return the processes that a thread has started, and that live."""
    try:
        return [int(child) for child in memory.content(f"/proc/{process}/task/{task}/children").split()]
    except OSError:
        return []


def filters(process: str) -> int:
    """Return how many filters stand before a process that lives; -1 if none lives there."""
    status = _status(process)
    if not status:
        return -1
    count = memory.field(status, b"Seccomp_filters").strip()  # Linux 5.9
    mode = memory.field(status, b"Seccomp").strip()
    return int(count) if count else int(mode == b"2")


def _status(process: str) -> bytes:
    """Return what the kernel tells of a process; nothing of one that has ended."""
    try:
        status = memory.content(f"/proc/{process}/status")
    except OSError:
        return b""
    return b"" if memory.field(status, b"State").strip()[:1] in {b"Z", b"X"} else status
