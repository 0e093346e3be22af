"""Count the calls that no rule concerned."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from threading import RLock


class Tally:
    """Count the calls of one operation, and keep the last eight paths, with their targets (see `ends_text`)."""

    __slots__ = ("count", "paths")

    def __init__(self) -> None:
        self.count = 0
        self.paths: deque[str] = deque(maxlen=8)

    def add(self, count: int, paths: Iterable[str]) -> None:
        """Add `count` calls, the last of them on `paths`."""
        self.count += count
        self.paths.extend(paths)


def ends_text(path: str, target: str | None) -> str:
    """Return the ends of a call as one text, as tallies keep them: no path has a NUL in it."""
    return path if target is None else f"{path}\0{target}"


def ends_of(text: str) -> tuple[str, str | None]:
    """Return the path and the target that `ends_text` has put together."""
    path, nul, target = text.partition("\0")
    return path, target if nul else None


class CallCounts:
    """How often each operation was seen below the roots, and a path outside them on which it was.

    `lock` is that of the owner: a garbage collection in between may close a file, and that call comes here too.
    """

    def __init__(self, lock: RLock) -> None:
        self._lock = lock
        self.total = 0  # of all operations
        self.tallies: dict[str, Tally] = {}
        self.outside: dict[str, str] = {}

    def count(self, name: str, calls: int, paths: Iterable[str]) -> None:
        """Add calls of one operation, the last of them on `paths`."""
        with self._lock:
            tally = self.tallies.get(name)
            if tally is None:
                tally = self.tallies[name] = Tally()
            tally.add(calls, paths)
            self.total += calls

    def count_one(self, name: str, path: str) -> None:
        """Add one call, as `count` does, and quicker."""
        with self._lock:
            tally = self.tallies.get(name)
            if tally is None:
                tally = self.tallies[name] = Tally()
            tally.count += 1
            tally.paths.append(path)
            self.total += 1
