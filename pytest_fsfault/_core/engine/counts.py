"""Count the calls that no rule concerned."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from threading import RLock


_MOST_WAITING = 256


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
        self._total = 0
        self._tallies: dict[str, Tally] = {}
        # Single calls wait here until somebody looks: to put one there takes no lock.
        self._waiting: deque[tuple[str, str]] = deque()
        self.outside: dict[str, str] = {}

    @property
    def total(self) -> int:
        """How many calls there were, of all operations."""
        self._take_in()
        return self._total

    @property
    def tallies(self) -> dict[str, Tally]:
        """The calls of each operation."""
        self._take_in()
        return self._tallies

    def count(self, name: str, calls: int, paths: Iterable[str]) -> None:
        """Add calls of one operation, the last of them on `paths`."""
        with self._lock:
            self._take_in()
            self._add(name, calls, paths)

    def _add(self, name: str, calls: int, paths: Iterable[str]) -> None:
        tally = self._tallies.get(name)
        if tally is None:
            tally = self._tallies[name] = Tally()
        tally.add(calls, paths)
        self._total += calls

    def count_one(self, name: str, path: str) -> None:
        """Add one call, as `count` does, and quicker."""
        self._waiting.append((name, path))
        if len(self._waiting) > _MOST_WAITING:
            self._take_in()

    def _take_in(self) -> None:
        """Add what waits, in the order in which it came."""
        with self._lock:
            while self._waiting:
                try:
                    name, path = self._waiting.popleft()
                except IndexError:  # since the look a finaliser has taken in what waited
                    return
                self._add(name, 1, [path])
