"""Ask for metadata and change them, as Windows does: locks do not matter, modes hardly do.

Sources: CPython Modules/posixmodule.c (which Win32 call is behind each function, and its fallbacks), Lib/test/test_os.py
Win32NtTests; Wine dlls/ntdll/tests/file.c test_file_link_information.
"""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING

from pytest_fsfault._core.engine.interfaces import Answer
from pytest_fsfault._core.engine.status import ProgramMode
from pytest_fsfault._core.language.operations import Following
from pytest_fsfault._windows.names import NOT_A_DIRECTORY, ends_with_separator
from pytest_fsfault._windows.state import Denial, HostError

if TYPE_CHECKING:
    from pytest_fsfault._core.language.operations import Operation
    from pytest_fsfault._windows.lookup import Location
    from pytest_fsfault._windows.state import WindowsState

_WRITE, _RUN = 0o200, 0o111
# MS-FSA 2.1.5.15.6; iterative/dvc#6965, pkolaczk/fclones#322.
_MOST_NAMES = 1024


def judge_stat(state: WindowsState, operation: Operation) -> Answer:
    """Judge `os.stat` and `os.lstat`: an open file does not matter, nor one that is deleted and still listed."""
    if isinstance(operation.shown, int):
        return Answer(operation.path)
    location = state.locate(operation.path, operation.shown)
    if not location.exists:
        state.must_exist(location)
    state.check_ending(location, operation.shown)
    # What is deleted cannot be opened any more: CPython asks the directory, as a listing does.
    return Answer(location.path, reason="pending" if state.is_pending(location) else "")


def judge_attributes(state: WindowsState, operation: Operation) -> Answer:
    """Judge `os.utime` and `os.readlink`."""
    if isinstance(operation.shown, int):
        return Answer(operation.path)
    location = state.existing(operation)
    state.check_ending(location, operation.shown)
    if operation.name == "os.readlink" and not location.is_link:
        raise HostError(4390, f"{location.name} is not a link")
    return Answer(state.owner(operation, location).path)


def judge_access(state: WindowsState, operation: Operation) -> Answer:
    """Judge `os.access`: only the read-only attribute of a file counts, and only for writing."""
    location = state.owner(operation, state.existing(operation))
    state.check_ending(location, operation.shown)
    mode = operation.detail
    # GetFileAttributesW asks a link for its own attributes.
    directory = location.is_directory or state.attributes.is_directory_link(location)
    denied = (
        isinstance(mode, int) and mode & os.W_OK and not directory and state.attributes.readonly(location)
    )
    return Answer(location.path, perform=lambda: not denied)


def judge_chmod(state: WindowsState, operation: Operation) -> Answer:
    """Judge `os.chmod`: only the owner's right to write matters, and it is the read-only attribute."""
    if isinstance(operation.shown, int):
        return Answer(operation.path)
    location = state.owner(operation, state.existing(operation))
    state.check_ending(location, operation.shown)
    mode = operation.detail
    if not isinstance(mode, int):
        return Answer(location.path)
    if isinstance(mode, Following):  # by `follow_symlinks=True`, from 3.13 on
        location = state.lookup.follow(location)
        state.must_exist(location)
    if location.is_link:  # the link's own attribute: python/cpython#59616 and #113049, Lib/test/test_posix.py
        return Answer(location.path, perform=partial(_chmod_link, state, location, mode))
    if location.is_directory:
        return Answer(location.path, perform=partial(_chmod_directory, state, location, mode))
    return Answer(location.path, perform=partial(_chmod_file, state, location, mode))


def _chmod_file(state: WindowsState, location: Location, mode: int) -> None:
    # No file becomes unreadable on Windows. What the host may run stays so, and so is what is made to be run.
    assert location.status is not None  # noqa: S101  # it exists
    mode |= location.status.st_mode & _RUN | (_RUN if isinstance(mode, ProgramMode) else 0)
    native = mode | 0o600 if mode & _WRITE else (mode | 0o400) & ~0o222
    state.native.chmod(location.path, native)


def _chmod_directory(state: WindowsState, location: Location, mode: int) -> None:
    # A read-only directory takes new names all the same, so the real one must not be read-only.
    state.set_attribute(location, "readonly", not mode & _WRITE)
    state.native.chmod(location.path, mode | 0o700)


def _chmod_link(state: WindowsState, location: Location, mode: int) -> None:
    state.set_attribute(location, "readonly", not mode & _WRITE)


def judge_link(state: WindowsState, operation: Operation) -> Answer:
    """Judge `os.link`."""
    assert operation.target is not None  # noqa: S101  # an operation of two paths
    source = state.locate_plain(operation.path, operation.shown)
    state.must_exist(source)
    state.check_ending(source, operation.shown)
    target = state.locate_plain(operation.target, operation.shown_target)
    if source.is_directory or state.attributes.is_directory_link(source):
        raise HostError(5, f"{source.name} is a directory", source)
    _check_new(state, source.path, target)
    state.check_parent(target)
    assert source.status is not None  # noqa: S101  # it exists
    if source.status.st_nlink >= _MOST_NAMES:
        raise Denial(1142, f"{source.name} has {_MOST_NAMES:,} names, which is all that a file may have")
    # CreateHardLinkW makes another name of a link; `os.link` follows it on macOS, and on Linux from Python 3.14 on
    # (python/cpython#81793).
    link = partial(state.native.link, source.path, target.path, follow_symlinks=False)
    return Answer(source.path, target.path, perform=link if source.is_link else None)


def judge_symlink(state: WindowsState, operation: Operation) -> Answer:
    """Judge `os.symlink`: a privilege that users do not have, except in developer mode."""
    assert operation.target is not None  # noqa: S101  # an operation of two paths
    target = state.locate(operation.target, operation.shown_target)
    # A program that was built for Unix takes links for granted: it is as under developer mode.
    if not state.version.developer_mode and operation.program is None:
        raise Denial(1314, "symbolic links need a privilege, or developer mode")
    if ends_with_separator(operation.shown_target) and not (
        operation.detail or _leads_to_directory(state, operation)
    ):
        # pyfakefs test_broken_symlink_with_trailing_sep_windows; 267 by inference.
        raise Denial(NOT_A_DIRECTORY, f"{target.name} is to be a link to a file, and ends with a separator")
    _check_new(state, target.path, target)
    return Answer(operation.path, target.path, about=(target, bool(operation.detail)))


def _leads_to_directory(state: WindowsState, operation: Operation) -> bool:
    """Return whether a new link would lead to a directory, as CPython asks: Modules/posixmodule.c `_check_dirW`."""
    above = (operation.target or "").rstrip("/").rpartition("/")[0]
    written = operation.shown if isinstance(operation.shown, (str, bytes)) else operation.path
    path = os.path.normpath(os.path.join(above, os.fsdecode(written)))
    return state.lookup.follow(state.lookup.find(path)).is_directory


def _check_new(state: WindowsState, source: str, target: Location) -> None:
    if state.other_volume(source, target.path):
        raise Denial(17, f"{target.path} is on another volume than {source}", declared=True)
    if target.parent:
        raise HostError(target.parent, f"the directory of {target.name} does not exist", target)
    state.must_live(target)
    if target.exists:
        raise HostError(183, f"{target.name} exists", target)
