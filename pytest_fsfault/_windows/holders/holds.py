"""What other processes have open, as declared by a test or done by a scanner."""

from __future__ import annotations

import itertools
import math
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Self

from pytest_fsfault._windows.sharing import ALL, READ, WRITE, Opening, words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import TracebackType

    from pytest_fsfault._windows.sharing import Identity

_EVER = float("inf")


class Hold:
    """What another process has open; it follows the file through renames and hard links.

    `met` tells whether it has refused anything, `by` who it is, `scanner` the scanner whose hold it is,
    and `drawn` whether its time was drawn.
    """

    __module__ = "pytest_fsfault"

    def __init__(
        self, holds: Holds, opening: Opening, *, since: float, until: float, declared: bool, on: str = "",
        by: str = "", scanner: str | None = None, drawn: bool = False,
    ) -> None:  # fmt: skip
        self._holds = holds
        self.opening = opening
        self.since = since
        self.until = until
        self.declared = declared
        self.on = on  # the glob that it waits for, if it has no file yet
        self.by = by or scanner or ""
        self.scanner = scanner
        self.drawn = drawn
        self.path = opening.path
        self.identity: Identity | None = None
        self.met = False
        self.closed = False
        self.number = next(_numbers)
        self.seconds = _EVER  # how long it lasts from the moment it has its file

    def matches(self, name: str) -> bool:
        """Return whether a file of this name is what the hold waits for."""
        return any(fnmatchcase(name.lower(), glob.strip().lower()) for glob in self.on.split(","))

    @property
    def endless(self) -> bool:
        """Whether it does not end by itself."""
        return self.until == _EVER

    def close(self) -> None:
        """Close it."""
        if not self.closed:
            self.closed = True
            self.until = min(self.until, self._holds.now())
            self._holds.dropped(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<hold: {self.explain(self._holds.now())}>"

    def explain(self, now: float) -> str:
        """Say who holds the file, as one would on a whiteboard; `now` is virtual time in seconds."""
        name = self.path.rpartition("/")[2] or self.on
        kind, site = self.opening.kind, self.opening.who
        text = _TEXTS[kind].format(name=name, by=f" by {self.by}" if self.by else "")
        if self.until != _EVER and now < self.until:
            text += f" for another {_time(self.until - now)}"
        details = []
        if kind == "handle":
            details.append(
                f"sharing {words(self.opening.share)}" if self.opening.access else "attributes only"
            )
        if self.declared and site:
            details.append(f"declared at {site}")
        return f"{text} ({'; '.join(details)})" if details else text


def _time(seconds: float) -> str:
    """Return a time that is left as a reader says it; never none at all."""
    if seconds >= 1:
        return f"{seconds:.2f} s"
    milliseconds = math.ceil(seconds * 1000 - 1e-6)
    return f"{max(milliseconds, 1)} ms"


_numbers = itertools.count()
_TEXTS = {
    "handle": "{name} is held{by}",
    "image": "{name} is running{by}",
    "library": "{name} is loaded{by}",
    "section": "{name} is mapped{by}",
    "directory": "{name} is being listed{by}",
    "cwd": "{name} is a current directory{by}",
    "watch": "{name} is being watched{by}",
}

#: How each kind has a file open: access and share mode. Images and mappings are no handles: their rules are their own.
#: Sources: Wine dlls/kernel32/tests/file.c test_file_sharing (sections without a handle); ReactOS
#: sdk/lib/rtl/path.c (the current directory: traverse, shared for reading and writing).
KINDS = {
    "image": (0, ALL),
    "library": (0, ALL),
    "section": (0, ALL),
    "cwd": (READ, READ | WRITE),
    "watch": (READ, ALL),
}


def _merged(holds: Iterable[Hold]) -> Iterable[Hold]:
    """Return one hold for each line that declared some, met if any of them was."""
    kept: dict[tuple[str, str, str], Hold] = {}
    for hold in holds:
        key = (hold.opening.who, hold.opening.kind, hold.path.rpartition("/")[2] or hold.on)
        if key in kept:
            kept[key].met |= hold.met
        else:
            kept[key] = hold
    return kept.values()


class Holds:
    """All holds that are in force, found by file and by the directories above."""

    def __init__(self, now: Callable[[], float], changed: Callable[[], None]) -> None:
        self.now = now
        self._tell = changed
        self._told = (False, False)
        self._files: dict[Identity, list[Hold]] = {}
        self._above: dict[str, dict[int, Hold]] = {}
        self._waiting: list[Hold] = []
        self.declared: list[Hold] = []
        self.met: list[Hold] = []  # those of scanners that have refused something

    def __bool__(self) -> bool:
        return bool(self._files)

    def _changed(self) -> None:
        """Report that the first hold is there or the last one is gone.

        The wrappers ask for nothing else. A report for each hold would cost every call after it, the more files
        a scanner holds.
        """
        present = (bool(self._files), bool(self._waiting))
        if present != self._told:
            self._told = present
            self._tell()

    @property
    def waiting(self) -> list[Hold]:
        """Holds that wait for a file of their kind to be written."""
        return self._waiting

    def add(self, hold: Hold, identity: Identity | None, path: str = "") -> Hold:
        """Let a hold begin on a file, or wait for one."""
        if hold.declared:
            self.declared.append(hold)
        if identity is None:
            self._waiting.append(hold)
        else:
            self._grip(hold, identity, path)
        self._changed()
        return hold

    def meet(self, hold: Hold) -> None:
        """Record that a hold has refused something."""
        if not (hold.met or hold.declared):
            self.met.append(hold)
        hold.met = True

    def take_over(self, others: Holds) -> None:
        """Let those who wait for a file elsewhere wait for it here."""
        for hold in others._waiting:
            hold._holds = self
            if hold in others.declared:
                others.declared.remove(hold)
                self.declared.append(hold)
        self._waiting += others._waiting
        others._waiting.clear()

    def seize(self, hold: Hold, identity: Identity, path: str, until: float) -> None:
        """Give a waiting hold its file."""
        self._waiting.remove(hold)
        hold.until = until
        self._grip(hold, identity, path)
        self._changed()

    def _grip(self, hold: Hold, identity: Identity, path: str) -> None:
        hold.identity, hold.path = identity, path
        self._files.setdefault(identity, []).append(hold)
        for directory in _ancestors(path):
            self._above.setdefault(directory, {})[hold.number] = hold

    def dropped(self, hold: Hold) -> None:
        """Forget a hold that has let go."""
        if hold in self._waiting:
            self._waiting.remove(hold)
        if hold.identity is not None:
            mates = self._files.get(hold.identity, [])
            if hold in mates:
                mates.remove(hold)
            if not mates:
                self._files.pop(hold.identity, None)
            self._unlist(hold)
        self._changed()

    def _unlist(self, hold: Hold) -> None:
        for directory in _ancestors(hold.path):
            there = self._above.get(directory)
            if there is not None:
                there.pop(hold.number, None)
                if not there:
                    del self._above[directory]

    def of(self, identity: Identity) -> list[Hold]:
        """Return the holds on one file, whatever its name."""
        found = self._files.get(identity)
        return self._alive(found) if found else []

    def below(self, directory: str) -> list[Hold]:
        """Return the holds on what lies strictly below a directory."""
        found = self._above.get(directory)
        return self._alive(list(found.values())) if found else []

    def _alive(self, holds: list[Hold]) -> list[Hold]:
        now = self.now()
        for hold in [hold for hold in holds if hold.until <= now]:
            hold.closed = True
            self.dropped(hold)
        return [hold for hold in holds if hold.since <= now < hold.until]

    def moved(self, source: str, target: str) -> None:
        """Record that a file or directory has a new name."""
        below = self._above.get(source, {})
        prefix = f"{source}/"
        for hold in list(below.values()):
            self._rename(hold, f"{target}/{hold.path.removeprefix(prefix)}")

    def renamed(self, identity: Identity, source: str, target: str) -> None:
        """Record that the file itself has a new name."""
        for hold in self._files.get(identity, []):
            if hold.path == source:
                self._rename(hold, target)

    def _rename(self, hold: Hold, path: str) -> None:
        self._unlist(hold)
        hold.path = path
        for directory in _ancestors(path):
            self._above.setdefault(directory, {})[hold.number] = hold

    def gone(self, identity: Identity) -> None:
        """Record that a file has lost its last name: its holders go on holding what has no name."""
        for hold in self._files.pop(identity, []):
            self._unlist(hold)
            hold.identity = None
        self._changed()

    def rewind(self, number: int, waiting: Iterable[Hold]) -> None:
        """Go back to when `number` was given and those holds waited: later ones end, those wait again.

        Of holds that the same line declares again and again one stays, which is met if any of them was.
        """
        for hold in [hold for hold in self if hold.number > number]:
            hold.close()
        first = [hold for hold in self.declared if hold.number <= number]
        later = [hold for hold in self.declared if hold.number > number]
        self.declared = [*first, *_merged(later)]
        self.met = [hold for hold in self.met if hold.number <= number]
        self._await_again(waiting)

    def _await_again(self, holds: Iterable[Hold]) -> None:
        """Let holds that got their file wait for another."""
        for hold in holds:
            if hold not in self._waiting:
                hold.close()
                hold.closed, hold.identity, hold.path, hold.until = False, None, "", _EVER
                self._waiting.append(hold)

    def __iter__(self) -> Iterator[Hold]:
        now = self.now()
        everything = [hold for holds in self._files.values() for hold in holds]
        live = [hold for hold in everything if hold.until > now]
        return iter(sorted([*live, *self._waiting], key=lambda hold: hold.number))


def latest() -> int:
    """Return a number that all holds to come are above."""
    return next(_numbers)


def _ancestors(path: str) -> Iterator[str]:
    while (end := path.rfind("/")) > 0:
        path = path[:end]
        yield path
