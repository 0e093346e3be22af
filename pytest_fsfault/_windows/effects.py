"""What follows from an operation that has succeeded: names that are new, gone or others now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_fsfault._host import temporary_files
from pytest_fsfault._windows.sharing import DELETE

if TYPE_CHECKING:
    from pytest_fsfault._core.engine.interfaces import Answer
    from pytest_fsfault._windows.lookup import Location
    from pytest_fsfault._windows.state import WindowsState

_OWNER = 0o700


def deleted(state: WindowsState, answer: Answer) -> None:
    """Record that a name is gone, and its file, if it had no other."""
    location: Location | None = answer.about
    if location is None or location.status is None:
        return
    state.lookup.removed(location.path)
    if location.is_directory or location.status.st_nlink == 1:
        state.forget(location.identity)


def _rename_holds(state: WindowsState, source: Location, before: str, after: str) -> None:
    if state.holds:
        state.holds.renamed(source.identity, before, after)
        if source.is_directory:
            state.holds.moved(before, after)


def renamed(state: WindowsState, answer: Answer, source: Location, target: Location) -> None:
    """Record that a file or directory has another name, and what had it is gone."""
    path = answer.target or ""
    if target.status is not None and target.identity != source.identity and target.status.st_nlink == 1:
        state.forget(target.identity)
    state.lookup.moved(source.path, path)
    if source.is_directory:
        state.lookup.begin_epoch()  # what was below has other paths now
    before, after = state.real(source.path), state.real(path)
    _rename_holds(state, source, before, after)
    if state.pending:
        state.pending = {_moved(where, before, after): one for where, one in state.pending.items()}
    for identity, where in state.temporaries.items():
        state.temporaries[identity] = _moved(where, source.path, path)


def _moved(path: str, source: str, target: str) -> str:
    """Return where a path is once `source`, which it may be or be below, is at `target`."""
    return target + path[len(source) :] if path == source or path.startswith(f"{source}/") else path


def opened(state: WindowsState, path: str, answer: Answer) -> bool:
    """Record that a file was opened at `path`; return whether it is one that goes with its last handle."""
    if answer.about is None:
        return False
    location, wish = answer.about
    if not location.exists:
        state.lookup.created(location.path)
    elif wish.creates and wish.empties and state.streams:
        # Creating anew (CREATE_ALWAYS) deletes them all; of a stream this is the file's content alone.
        state.streams.gone(state.lookup.follow(location).identity)
    if not wish.access & DELETE:
        return False
    made = state.lookup.find(location.path)
    if made.exists:
        state.temporaries[made.identity] = made.path
        temporary_files.OPENED.add(path)
    return made.exists


def directory_made(state: WindowsState, path: str) -> None:
    """Make a new directory writable, whatever mode it was made with: Windows passes over it.

    Source: CPython Doc/library/os.rst `os.mkdir`.
    """
    if state.on_windows or state.is_fake:
        return
    mode = state.native.lstat(path).st_mode & 0o7777
    if mode & _OWNER != _OWNER:
        state.native.chmod(path, mode | _OWNER)


def linked(state: WindowsState, location: Location, for_directory: bool) -> None:
    """Record for which of both a link was made: CPython asks what it leads to, and the caller.

    Source: CPython Modules/posixmodule.c, `_check_dirW`.
    """
    made = state.lookup.find(location.path)
    if made.is_link:
        there = state.lookup.follow(made)
        state.attributes.links[made.identity] = for_directory or there.is_directory
