"""Make, list and enter directories, as Windows does.

Sources: secfs.test winfstest/t/base 00, 02 and 03; python/cpython#14611 (current directories); Perl/perl5#14549 (a
listing shares deletion); CPython Modules/posixmodule.c.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self

from pytest_fsfault._core.engine.interfaces import Answer
from pytest_fsfault._core.language.folding import fold
from pytest_fsfault._host.tree_removal import asks_for_kinds
from pytest_fsfault._windows.entries import DirEntry
from pytest_fsfault._windows.names import INVALID_NAME, NOT_A_DIRECTORY, is_empty
from pytest_fsfault._windows.sharing import ALL, READ, WRITE
from pytest_fsfault._windows.state import Denial, HostError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from pytest_fsfault._core.language.operations import Operation
    from pytest_fsfault._windows.lookup import Location
    from pytest_fsfault._windows.sharing import Identity
    from pytest_fsfault._windows.state import WindowsState

    Show = Callable[[Any, object], Any] | None

_LONGEST_CURRENT = 260


def judge_mkdir(state: WindowsState, operation: Operation) -> Answer:
    """Judge `os.mkdir`."""
    last = operation.path.replace("\\", "/").rpartition("/")[2]
    if last.count(":") == 1:  # more are no name at all (123): public reports of times of day in names
        raise Denial(NOT_A_DIRECTORY, f"{last} names a stream, not a directory")
    location = state.locate(operation.path, operation.shown, making=True)
    if location.parent:
        raise HostError(location.parent, f"the directory of {location.name} does not exist", location)
    state.must_live(location)
    if location.exists:
        raise HostError(183, f"{location.name} exists", location)
    return Answer(location.path)


def judge_listing(state: WindowsState, operation: Operation) -> Answer:
    """Judge `os.listdir` and `os.scandir`: in name order, and a missing directory is a missing path."""
    if isinstance(operation.shown, int):
        return Answer(operation.path)
    location = state.locate(operation.path, operation.shown, searching=True)
    if not location.exists:
        raise HostError(3, f"{location.name} does not exist", location)
    state.must_live(location)
    followed = state.must_lead(location)
    if not followed.is_directory:
        raise HostError(267, f"{location.name} is a file")
    state.check_sharing(followed, READ, ALL, real=False)
    return Answer(location.path)


def judge_chdir(state: WindowsState, operation: Operation) -> Answer:
    """Judge `os.chdir`."""
    if isinstance(operation.shown, int):
        return Answer(operation.path)
    if is_empty(operation.shown):  # Wine dlls/ntdll/path.c RtlSetCurrentDirectory_U
        raise HostError(INVALID_NAME, "an empty path names nothing, not the current directory")
    location = state.existing(operation)
    followed = state.must_lead(location, 2)
    if not followed.is_directory:
        raise HostError(267, f"{location.name} is a file")
    if len(location.path) >= _LONGEST_CURRENT:
        raise Denial(206, f"{len(location.path)} characters are more than a current directory may have")
    state.check_sharing(followed, READ, READ | WRITE, real=False)
    return Answer(location.path)


def in_order(names: list[Any]) -> list[Any]:
    """Return names in the order in which NTFS keeps them: without regard to case."""
    return sorted(names, key=_key)


def _sorted(real: Any) -> list[Any]:
    """Return entries in that order."""
    entries = list(real)
    texts = all(type(entry.name) is str and entry.name.isascii() for entry in entries)
    # What `_key` makes of most names, with one call for each instead of three.
    entries.sort(key=(lambda entry: entry.name.upper()) if texts else (lambda entry: _key(entry.name)))
    return entries


def _key(name: Any) -> Any:
    return fold(name) if isinstance(name, str) else name.upper()


class Listing:
    """What `os.scandir` returns: entries in name order, and a handle until it is exhausted or closed.

    The real iterator is exhausted at once, and with it its descriptor closed: the model remembers ours. Each entry has
    the status that its file had then, as the listing itself tells it on Windows: CPython `os.DirEntry.stat`; unless
    who asked hands none on, and asks them for their kind alone.
    """

    def __init__(
        self, real: Any, location: tuple[str, Identity], state: WindowsState, show: Show, shown: object
    ) -> None:
        path, self.identity = location
        self.path = state.real(path)
        with real:
            entries = _sorted(real)
        start = _start_of_paths(entries, shown)
        if start or not asks_for_kinds(_caller()):
            for entry in entries:
                with suppress(OSError):  # it is gone already
                    entry.stat(follow_symlinks=False)
            if show is not None:
                paths = [start + entry.name if start else entry.path for entry in entries]
                entries = [DirEntry(entry, show, path) for entry, path in zip(entries, paths, strict=True)]
        self._entries = iter(entries)
        self._state = state
        state.listings.add(self)

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        try:
            return next(self._entries)
        except StopIteration:
            self._state.listings.discard(self)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the handle of the directory."""
        self._entries = iter(())
        self._state.listings.discard(self)


def _start_of_paths(entries: list[Any], shown: object) -> Any:
    """Return how the paths of entries start as the caller wrote their directory, if they start otherwise now.

    They were found under another spelling then. Source: CPython documentation of `os.DirEntry.path`.
    """
    if not entries or not isinstance(shown, (str, bytes)):
        return None
    start: Any = os.path.join(shown, entries[0].name[:0])
    return None if entries[0].path == start + entries[0].name else start


def _caller() -> FrameType | None:
    """Return the frame that has called a function of `os`: the first that is not one of ours."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and str(frame.f_globals.get("__name__")).startswith("pytest_fsfault."):
        frame = frame.f_back
    return frame


def listed(state: WindowsState, answer: Answer, result: Any, show: Show, shown: object) -> Any:
    """Return the result of a listing as Windows gives it; `shown` is the directory as the caller wrote it."""
    if isinstance(result, list):
        return in_order(result)
    location: Location = state.lookup.follow(state.lookup.find(answer.path))
    if not location.exists:
        return result
    return Listing(result, (location.path, location.identity), state, show, shown)
