"""Made-up threads and processes, for the law of virtual time."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import threading
    from collections.abc import Collection

    from pytest_fsfault._core.activity import LimitedWait
    from pytest_fsfault._core.clock import VirtualClock
    from pytest_fsfault._core.waiter import Waiter

MS = 1_000_000
SECOND = 1000 * MS


class MadeUpActivity:
    """Threads are numbers; time passes when the test says so."""

    def __init__(self) -> None:
        self.real = 5 * SECOND
        self.working: set[int] = set()
        self.child = False
        self.limited: dict[int, LimitedWait] = {}

    def monotonic_ns(self) -> int:
        return self.real

    def adopt(self, thread: threading.Thread, *, real: bool = False) -> None:
        raise NotImplementedError

    def disown(self, thread: threading.Thread) -> None:
        raise NotImplementedError

    def belongs(self, ident: int) -> bool:
        raise NotImplementedError

    def at_work(self, waiting: Collection[int], since: int) -> bool:
        return bool(self.working - set(waiting))

    def limits(self, waiting: Collection[int]) -> list[LimitedWait]:
        return [wait for thread, wait in self.limited.items() if thread not in waiting]

    def child_lives(self) -> bool:
        return self.child


def begin(clock: VirtualClock, thread: int, seconds: float | None, *, patient: bool = False) -> Waiter:
    """Let `thread` begin a wait."""
    waiter = clock.waiter(None if seconds is None else round(seconds * SECOND), patient=patient)
    waiter.thread = thread
    if seconds is None:
        clock._waiters[thread] = waiter
    return waiter


def leave(clock: VirtualClock, waiter: Waiter) -> None:
    """Let the thread of `waiter` go back to work."""
    clock._waiters.pop(waiter.thread, None)
