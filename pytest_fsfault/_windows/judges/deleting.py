"""Delete files and directories, as DeleteFileW and RemoveDirectoryW do.

Sources: windows.md sections 4, 6, 7, 8 and 14; WINE-N test_file_disposition_information; WFSP delete_test,
delete_access_test, exec_delete_test; SECFS base/03 and 08; git 69ed0e35.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from pytest_fsfault._core.engine.interfaces import Answer
from pytest_fsfault._windows.sharing import ALL, DELETE
from pytest_fsfault._windows.state import Denial, HostError

if TYPE_CHECKING:
    from pytest_fsfault._core.language.operations import Operation
    from pytest_fsfault._windows.lookup import Location
    from pytest_fsfault._windows.state import WindowsState


def judge_remove(state: WindowsState, operation: Operation) -> Answer:
    """Judge `os.remove`."""
    place = state.existing(operation)
    if place.is_directory:
        raise HostError(5, f"{place.name} is a directory")
    state.check_sharing(place, DELETE, ALL)
    if state.readonly(place) and not place.is_link:
        raise Denial(5, f"{place.name} is read-only")
    state.check_images(place, 5, sections=not state.version.posix_delete)
    return _deleted(state, place)


def judge_rmdir(state: WindowsState, operation: Operation) -> Answer:
    """Judge `os.rmdir`."""
    place = state.existing(operation)
    if place.is_link and state.lookup.follow(place).is_directory:
        return Answer(place.path, perform=partial(state.native.unlink, place.path), about=place)
    if not place.is_directory:
        raise HostError(267, f"{place.name} is a file")
    state.check_sharing(place, DELETE, ALL)
    if state.readonly(place):
        raise Denial(5, f"{place.name} is read-only")
    return _deleted(state, place)


def _deleted(state: WindowsState, place: Location) -> Answer:
    """Delete at once, or, on legacy systems, mark what somebody still has open."""
    if state.version.posix_delete or not state.is_open(place.identity):
        return Answer(place.path, about=place)
    if place.is_directory and state.native.listdir(place.path):
        raise Denial(145, f"{place.name} is not empty")
    return Answer(place.path, reason="pending", perform=partial(_mark, state, place))


def _mark(state: WindowsState, place: Location) -> None:
    state.pending[place.identity] = place.path
    state.changed()


def finish_pending(state: WindowsState, *, everything: bool = False) -> None:
    """Remove those deleted files whose last handle is closed."""
    # Innermost first, so that a directory finds its own children gone.
    for identity, path in sorted(state.pending.items(), key=lambda item: -len(item[1])):
        if everything or not state.is_open(identity):
            del state.pending[identity]
            _remove(state, path)
            state.forget(identity)


def _remove(state: WindowsState, path: str) -> None:
    try:
        if state.lookup.find(path).is_directory:
            state.native.rmdir(path)
        else:
            state.native.unlink(path)
    except OSError:
        pass  # somebody else was faster
    state.lookup.removed(path)
