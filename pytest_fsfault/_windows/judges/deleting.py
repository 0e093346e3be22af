"""Delete files and directories, as DeleteFileW and RemoveDirectoryW do.

Sources: Wine dlls/ntdll/tests/file.c test_file_disposition_information; WinFsp tst/winfsp-tests delete_test,
delete_access_test, delete_pending_test, exec_delete_test; secfs.test winfstest/t/base 03 and 08; git for Windows
69ed0e35 (a mapped file may be deleted).
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
    location = state.existing(operation)
    if location.is_directory:
        raise HostError(5, f"{location.name} is a directory")
    state.check_sharing(location, DELETE, ALL)
    if state.readonly(location) and not location.is_link:
        raise Denial(5, f"{location.name} is read-only")
    state.check_images(location, 5, sections=not state.version.posix_delete)
    return _deleted(state, location)


def judge_rmdir(state: WindowsState, operation: Operation) -> Answer:
    """Judge `os.rmdir`."""
    location = state.existing(operation)
    if location.is_link and state.lookup.follow(location).is_directory:
        return Answer(location.path, perform=partial(state.native.unlink, location.path), about=location)
    if not location.is_directory:
        raise HostError(267, f"{location.name} is a file")
    state.check_sharing(location, DELETE, ALL)
    if state.readonly(location):
        raise Denial(5, f"{location.name} is read-only")
    return _deleted(state, location)


def _deleted(state: WindowsState, location: Location) -> Answer:
    """Delete at once, or, on legacy systems, mark what somebody still has open."""
    if state.version.posix_delete or not state.is_open(location.identity):
        return Answer(location.path, about=location)
    if location.is_directory and state.native.listdir(location.path):
        raise Denial(145, f"{location.name} is not empty")
    return Answer(location.path, reason="pending", perform=partial(_mark, state, location))


def _mark(state: WindowsState, location: Location) -> None:
    state.pending[location.identity] = location.path
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
