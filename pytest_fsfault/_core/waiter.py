"""One wait that is going on, and what a clock must know of the world to end it."""

from __future__ import annotations

from _thread import allocate_lock, get_ident
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection
    from threading import Thread


class World(Protocol):
    """What a clock must know of the threads and processes around it."""

    def monotonic_ns(self) -> int:
        """Return real time."""

    def adopt(self, thread: Thread) -> None:
        """Count `thread` to the test; it may still have to be started."""

    def disown(self, thread: Thread) -> None:
        """Count `thread` to the test no longer."""

    def belongs(self, ident: int) -> bool:
        """Return whether this running thread counts to the test."""

    def at_work(self, waiting: Collection[int], since: int) -> bool:
        """Return whether a thread of the test that is none of `waiting` does something.

        `since` is the real instant at which the wait began for whose sake this is asked.
        """

    def child_lives(self) -> bool:
        """Return whether a child process is alive that does not share the clock."""


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
        # The ring is repeated: a signal may have come between the two lines when it was done before.
        before, self.notified = self.notified, True
        self.notify()
        if before:
            raise RuntimeError("release unlocked lock")

    def notify(self) -> None:
        """Make the waiter look again."""
        with suppress(RuntimeError):
            self.lock.release()
