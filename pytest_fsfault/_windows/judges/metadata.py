"""Ask for metadata and change them, as Windows does: locks do not matter, modes hardly do.

Sources: CPython Modules/posixmodule.c (which Win32 call is behind each function, and its fallbacks), Lib/test/test_os.py
Win32NtTests; Wine dlls/ntdll/tests/file.c test_file_link_information.
"""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, Any

from pytest_fsfault._core.engine.interfaces import Answer
from pytest_fsfault._windows.state import Denial, HostError

if TYPE_CHECKING:
    from pytest_fsfault._core.language.operations import Operation
    from pytest_fsfault._windows.lookup import Location
    from pytest_fsfault._windows.state import WindowsState

_WRITE = 0o200


def judge_stat(state: WindowsState, operation: Operation) -> Answer:
    """Judge `os.stat` and `os.lstat`: an open file is no obstacle, nor is one that is deleted and still listed."""
    if isinstance(operation.shown, int):
        return Answer(operation.path)
    location = state.locate(operation.path, operation.shown)
    if not location.exists:
        state.must_exist(location)
    _check_separator(location, operation.shown)
    return Answer(location.path)


def judge_attributes(state: WindowsState, operation: Operation) -> Answer:
    """Judge `os.utime` and `os.readlink`."""
    if isinstance(operation.shown, int):
        return Answer(operation.path)
    location = state.existing(operation)
    _check_separator(location, operation.shown)
    if operation.name == "os.readlink" and not location.is_link:
        raise HostError(4390, f"{location.name} is no link")
    return Answer(location.path)


def judge_access(state: WindowsState, operation: Operation) -> Answer:
    """Judge `os.access`: only the read-only attribute of a file counts, and only for writing."""
    location = state.existing(operation)
    mode = operation.detail
    # Not the link's own, but what it leads to.
    seen = state.lookup.follow(location)
    if not seen.exists:
        return Answer(location.path, perform=lambda: True)  # GetFileAttributesW asks the link
    denied = isinstance(mode, int) and mode & os.W_OK and not seen.is_directory and state.readonly(seen)
    return Answer(location.path, perform=lambda: not denied)


def judge_chmod(state: WindowsState, operation: Operation) -> Answer:
    """Judge `os.chmod`: only the owner's right to write matters, and it is the read-only attribute."""
    if isinstance(operation.shown, int):
        return Answer(operation.path)
    location = state.existing(operation)
    mode = operation.detail
    if not isinstance(mode, int):
        return Answer(location.path)
    seen = state.lookup.follow(location)
    if not seen.exists:
        return Answer(location.path, perform=_nothing)
    if seen.is_directory:
        return Answer(location.path, perform=partial(_chmod_directory, state, seen, mode))
    return Answer(location.path, perform=partial(_chmod_file, state, seen, mode))


def _chmod_file(state: WindowsState, location: Location, mode: int) -> None:
    # No file becomes unreadable on Windows; what else the caller wished stays for programs to be run.
    native = mode | 0o600 if mode & _WRITE else (mode | 0o400) & ~0o222
    state.native.chmod(location.path, native)


def _chmod_directory(state: WindowsState, location: Location, mode: int) -> None:
    # A read-only directory takes new names all the same, so the real one must not be read-only.
    state.set_attribute(location, "readonly", not mode & _WRITE)
    state.native.chmod(location.path, mode | 0o700)


def _nothing() -> None:
    """Change nothing: the mode of a link that leads nowhere."""


def judge_link(state: WindowsState, operation: Operation) -> Answer:
    """Judge `os.link`."""
    source = state.existing(operation)
    assert operation.target is not None  # noqa: S101  # an operation of two paths
    target = state.locate(operation.target, operation.shown_target)
    if source.is_directory:
        raise HostError(5, f"{source.name} is a directory")
    _check_new(state, source.path, target)
    return Answer(source.path, target.path)


def judge_symlink(state: WindowsState, operation: Operation) -> Answer:
    """Judge `os.symlink`: a privilege that users do not have, except in developer mode."""
    assert operation.target is not None  # noqa: S101  # an operation of two paths
    target = state.locate(operation.target, operation.shown_target)
    if not state.version.developer_mode:
        raise Denial(1314, "symbolic links need a privilege, or developer mode")
    _check_new(state, target.path, target)
    return Answer(operation.path, target.path)


def _check_new(state: WindowsState, source: str, target: Location) -> None:
    if state.other_volume(source, target.path):
        raise Denial(17, f"{target.path} is on another volume than {source}", declared=True)
    if target.parent:
        raise HostError(target.parent, f"the directory of {target.name} does not exist")
    state.must_live(target)
    if target.exists:
        raise HostError(183, f"{target.name} exists")


def _check_separator(location: Location, shown: Any) -> None:
    text = os.fsdecode(shown) if isinstance(shown, (str, bytes)) else ""
    if (
        len(text) > 1
        and text[-1] in "/\\"
        and location.exists
        and not (location.is_directory or location.is_link)
    ):
        raise HostError(123, f"{location.name} is a file, written with a separator at its end")
