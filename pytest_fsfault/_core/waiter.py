"""One wait that is going on."""

from __future__ import annotations

from _thread import allocate_lock, get_ident
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class Waiter:
    """One wait that is going on; it stands in a Condition's queue where CPython puts a lock.

    `due` is the virtual instant of its end, None for a wait without a limit. A `patient` one lets real time
    pass rather than jump: others of its kind expect an answer from outside.
    """

    __slots__ = ("began", "due", "lock", "notified", "patient", "since", "thread")

    def __init__(self, began: int, since: int, span: int | None, *, patient: bool = False) -> None:
        self.began = began
        self.since = since
        self.due = None if span is None else began + span
        self.patient = patient
        self.thread = get_ident()
        self.notified = False
        self.lock = allocate_lock()
        self.lock.acquire()

    def release(self) -> None:
        """Wake the waiter; `Condition.notify` calls this, and expects RuntimeError if it was done before."""
        # Notified once more: a signal may have come between the two lines when it was done before.
        before, self.notified = self.notified, True
        self.notify()
        if before:
            raise RuntimeError("release unlocked lock")

    def notify(self) -> None:
        """Make the waiter look again."""
        with suppress(RuntimeError):
            self.lock.release()


def due_of(waiter: Waiter) -> int:
    """Return the virtual instant at which a wait with a limit ends."""
    return waiter.due or 0


def has_notified(waiters: Iterable[Waiter]) -> bool:
    """Return whether one of them has been notified."""
    return any(waiter.notified for waiter in waiters)
