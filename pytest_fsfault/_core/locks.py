"""Locks that a fork looks at: a process that is forked while its thread holds one of them is never answered.

A finaliser or signal handler may run amid a decision, with its lock held, and fork there. If it then waits for the
child, and the child asks its parent, the thread that answers waits for the lock, and all three wait for ever.
"""

from __future__ import annotations

from _thread import RLock  # that of `threading` is a function, which finds this class first
from typing import Any

from pytest_fsfault._core.weak import WeakObjects

_known: WeakObjects[Any] = WeakObjects()


def known_lock() -> Any:
    """Return a new lock that may be entered again by its thread."""
    lock = RLock()
    _known.add(lock)
    return lock


def holds_lock() -> bool:
    """Return whether the current thread is amid a decision, a reading of the clock, or a note of either."""
    return any([lock._is_owned() for lock in _known.alive()])  # noqa: C419  # no generator: what interrupts its end would be lost


def release_abandoned() -> None:
    """Release what an exception has kept locked that came between the end of a block and its `__exit__`.

    To be called when the last session has ended: the current thread is amid nothing then.
    """
    for lock in _known.alive():
        while lock._is_owned():
            lock.release()
