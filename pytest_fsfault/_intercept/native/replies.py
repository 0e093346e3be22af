"""What a native program's call gets for an answer, and who it is that asks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from pytest_fsfault._core.language.rows import Row

if TYPE_CHECKING:
    from collections.abc import Callable


class Reply(Row):
    """What a call gets: it goes ahead, fails with `errno`, or returns 0 without being made; or its tree dies.

    With `seconds` that comes later: `then` returns the reply.
    """

    kind: str  # "proceed", "refuse", "give", "kill" or "later"
    errno: int = 0
    seconds: float = 0.0
    then: Callable[[], Reply] | None = None


PROCEED, GIVE, KILL = Reply("proceed"), Reply("give"), Reply("kill")


class Asker(Row):
    """A thread that asks: the process that it belongs to, and whether it has the rights of this process."""

    process: int
    is_like_us: bool


class Origin(Protocol):
    """The tree of processes that a call comes from."""

    site: str  # the line that started it
    estranged: bool  # sees another file system than this process
    killable: bool  # a call that was received is not begun anew
    constant: bool  # no process of it has changed its rights so far
    known: dict[tuple[int, str, int, int], Asker]  # by thread, program, and our own rights, while that is so

    def is_valid(self, ident: int) -> bool:
        """Return whether the thread that has asked a question still waits."""
        ...

    def close_for(self, ident: int, descriptor: int) -> None:
        """Close a file of the thread that has asked a question."""
        ...
