"""What a clock must know of the threads and processes around it, before it may skip time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from pytest_fsfault._core.language.rows import Row

if TYPE_CHECKING:
    from collections.abc import Collection, Hashable, Iterable
    from threading import Thread


class LimitedWait(Row):
    """A wait in real time that ends by itself, and that the clock does not know.

    `key` is another one for each wait, `left` are real nanoseconds, and `name` is that of the thread.
    """

    key: Hashable
    left: int
    name: str


class Activity(Protocol):
    """Who belongs to the test, and who of them does something."""

    def monotonic_ns(self) -> int:
        """Return real time."""
        ...

    def stamp_ns(self) -> int:
        """Return the time that the system stamps a file with which is written now, in nanoseconds."""
        ...

    def next_stamp_ns(self, stamp: int) -> int:
        """Wait until that is later than `stamp`, a few milliseconds, and return it."""
        ...

    def adopt(self, thread: Thread, *, real: bool = False) -> None:
        """Count `thread` to the test; it may still have to be started.

        With `real` it lives by real time: what it does is not jumped over, but it does not belong to the test.
        """

    def disown(self, thread: Thread) -> None:
        """Count `thread` to the test no longer."""

    def belongs(self, ident: int) -> bool:
        """Return whether this running thread counts to the test."""
        ...

    def at_work(self, waiting: Collection[int], since: int) -> bool:
        """Return whether a thread of the test that is none of `waiting` does something.

        `since` is the real instant at which the wait began for whose sake this is asked.
        """
        ...

    def limits(self, waiting: Collection[int]) -> Iterable[LimitedWait]:
        """Return the limited waits of threads that are none of `waiting`; asked once no thread is at work."""
        ...

    def child_lives(self) -> bool:
        """Return whether a child process is alive that does not share the clock."""
        ...


class ChildrenOnClock(Protocol):
    """The child processes that share the clock."""

    #: The numbers of those that are connected.
    numbers: frozenset[int]

    def at_work(self, now: int) -> bool:
        """Return whether one of them does something at the real instant `now`."""
        ...

    def limits(self, now: int) -> Iterable[LimitedWait]:
        """Return the limited waits of their threads; asked once none of them is at work."""
        ...
