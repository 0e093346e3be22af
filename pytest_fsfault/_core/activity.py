"""What a clock must know of the threads and processes around it, before it may skip time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection
    from threading import Thread


class Activity(Protocol):
    """Who belongs to the test, and who of them does something."""

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


class ChildrenOnClock(Protocol):
    """The child processes that share the clock."""

    #: The numbers of those that are connected.
    numbers: frozenset[int]

    def at_work(self, now: int) -> bool:
        """Return whether one of them does something at the real instant `now`."""
