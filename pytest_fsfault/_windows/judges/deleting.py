"""Delete files and directories, as DeleteFileW and RemoveDirectoryW do.

Sources: Wine dlls/ntdll/tests/file.c test_file_disposition_information; WinFsp tst/winfsp-tests delete_test,
delete_access_test, delete_pending_test, exec_delete_test; secfs.test winfstest/t/base 03 and 08; git for Windows
69ed0e35 (a mapped file may be deleted).
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from pytest_fsfault._core.engine.interfaces import Answer
from pytest_fsfault._windows.names import NOT_A_DIRECTORY, ends_with_separator
from pytest_fsfault._windows.open_files.runtimes import deletes_readonly
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
        raise HostError(5, f"{location.name} is a directory", location)
    state.check_ending(location, operation.shown)
    if ends_with_separator(operation.shown) and location.is_link:
        # What the separator names is the directory behind the link: pyfakefs test_remove_link_ending_with_sep_windows.
        raise Denial(5, f"{location.name} leads to a directory, which its final separator names")
    state.check_sharing(location, DELETE, ALL)
    owner = state.owner(operation, location)  # a stream is as read-only as its file: MS-FSA 2.1.5.15.3
    if state.attributes.readonly(owner) and not deletes_readonly(operation.program):
        raise Denial(5, f"{owner.name} is read-only")
    mapped = state.version.posix_delete and state.version.deletes_mapped
    state.check_images(location, 5, sections=not mapped)
    return _deleted(state, location)


def judge_rmdir(state: WindowsState, operation: Operation) -> Answer:
    """Judge `os.rmdir`: a link that was made for a directory is one, wherever it leads to (CPython test_os)."""
    if state.names_stream(operation.path, operation.shown):  # secfs.test winfstest/t/streams 02
        raise Denial(NOT_A_DIRECTORY, f"{operation.path.rpartition('/')[2]} is a stream, not a directory")
    location = state.existing(operation)
    link = state.attributes.is_directory_link(location)
    if not location.is_directory and not link:
        raise HostError(NOT_A_DIRECTORY, f"{location.name} is a file", location)
    state.check_sharing(location, DELETE, ALL)
    if state.attributes.readonly(location):
        raise Denial(5, f"{location.name} is read-only")
    if link:
        return Answer(location.path, perform=partial(state.native.unlink, location.path), about=location)
    if state.pending:
        _check_pending_names(state, location)
    return _deleted(state, location)


def _check_pending_names(state: WindowsState, location: Location) -> None:
    """Refuse to delete a directory whose last names are deleted, and stay until the last handle is closed."""
    prefix = f"{state.real(location.path)}/"
    inside = {path: identity for path, identity in state.pending.items() if path.startswith(prefix)}
    for path, identity in inside.items():
        raise Denial(145, f"{location.name} is not empty: {state.still_there(path, identity)}", declared=True)


def _deleted(state: WindowsState, location: Location) -> Answer:
    """Delete at once, or, on legacy systems, mark what is still open."""
    if state.version.posix_delete or not state.is_open(location.identity):
        return Answer(location.path, about=location)
    if location.is_directory and state.native.listdir(location.path):
        raise Denial(145, f"{location.name} is not empty")
    return Answer(location.path, reason="pending", perform=partial(_mark, state, location))


def _mark(state: WindowsState, location: Location) -> None:
    state.pending[state.real(location.path)] = location.identity
    state.changed()


def finish_pending(state: WindowsState, *, everything: bool = False) -> None:
    """Remove those deleted files whose last handle is closed."""
    # Innermost first, so that a directory finds its own children gone.
    for path, identity in sorted(state.pending.items(), key=lambda item: -len(item[0])):
        if everything or not state.is_open(identity):
            del state.pending[path]
            drop(state, path)


def finish_temporaries(state: WindowsState) -> None:
    """Remove those files that go with their last handle, under whatever name they have now.

    Source: Microsoft, "CreateFileW", FILE_FLAG_DELETE_ON_CLOSE.
    """
    if state.on_windows:
        return  # Windows removes them itself
    for identity, path in list(state.temporaries.items()):
        if state.open_files.of(identity, directory=False):
            continue
        del state.temporaries[identity]
        location = state.lookup.find(path)
        if location.exists and location.identity == identity:
            # The handle of another process keeps the name, as one whose deletion is pending.
            state.pending[state.real(location.path)] = identity
        state.changed()
    finish_pending(state)


def drop(state: WindowsState, path: str) -> None:
    """Delete a name whose time has come; never fail."""
    location = state.lookup.find(path)
    if location.status is None:
        return
    try:
        if location.is_directory:
            state.native.rmdir(location.path)
        else:
            state.native.unlink(location.path)
    except OSError:
        return  # another process was faster
    state.lookup.removed(location.path)
    if location.is_directory or location.status.st_nlink == 1:
        state.forget(location.identity)
