"""Stand in for `_winapi`, by which `shutil.copy2` copies on Windows from Python 3.12 on.

Sources: Wine dlls/kernel32/tests/file.c test_CopyFile2; CPython Lib/shutil.py, Modules/_winapi.c (its errors
carry no file name); Microsoft, "CopyFile2" (which copies the attributes).
"""

from __future__ import annotations

import os
import stat as modes
from typing import TYPE_CHECKING, Protocol

from pytest_fsfault._core.language.errors import build, parse_error
from pytest_fsfault._core.language.legible import legible
from pytest_fsfault._core.language.operations import OPERATIONS, Operation
from pytest_fsfault._windows.host_errors import windows_code
from pytest_fsfault._windows.sharing import ALL, READ, WRITE
from pytest_fsfault._windows.state import Denial

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_fsfault._windows.lookup import Location
    from pytest_fsfault._windows.state import WindowsState

# pytest leaves the frames of this module out of tracebacks: they are not the user's.
__tracebackhide__ = True

_SIZE = 1024 * 1024


class CopyModel(Protocol):
    """The model whose business a copy is."""

    @property
    def state(self) -> WindowsState:
        """What is known of files and of who has them open."""
        ...

    def written(self, path: str) -> None:
        """Record that a file was written and closed."""


class Winapi:
    """What `shutil` uses of `_winapi`."""

    COPY_FILE_ALLOW_DECRYPTED_DESTINATION = 0x8
    COPY_FILE_COPY_SYMLINK = 0x800
    ERROR_PRIVILEGE_NOT_HELD = 1314
    ERROR_ACCESS_DENIED = 5

    def __init__(
        self,
        absolute: Callable[[str], str],
        model: Callable[[str, str], CopyModel | None],
        refused: Callable[[Operation, str, OSError], None],
        copied: Callable[..., None],
    ) -> None:
        self._absolute = absolute
        self._model = model  # whose business a copy from one path to another is; None: of no model
        self._refused = refused
        self._copied = copied  # of source, target and `follow_symlinks`: with the times of the source

    def CopyFile2(self, source: str, target: str, flags: int) -> None:  # noqa: N802  # Windows' name
        """Copy a file with its attributes and times; raise an error without file names."""
        paths = self._absolute(os.fspath(source)), self._absolute(os.fspath(target))
        model = self._model(*paths)
        if model is None:
            # `shutil` copies in its own way after this one.
            raise build(parse_error("ERROR_ACCESS_DENIED"), "winerror")
        kind = OPERATIONS["shutil.copy2"]
        operation = Operation("shutil.copy2", paths[0], paths[1], kind.groups, source, target)
        follow = not flags & self.COPY_FILE_COPY_SYMLINK
        try:
            _copy(model, operation, follow=follow)
        except Denial as refusal:
            error = build(parse_error(f"WinError {refusal.code}"), "winerror")
            error.add_note(legible(refusal.reason))
            if refusal.code != self.ERROR_ACCESS_DENIED:  # what `shutil` itself will meet again
                self._refused(operation, refusal.reason, error)
            raise error from None
        self._copied(*paths, follow_symlinks=follow)


def _copy(model: CopyModel, operation: Operation, *, follow: bool) -> None:
    state = model.state
    assert operation.target is not None  # noqa: S101  # made with one
    try:
        source = _source(state, operation, follow=follow)
        target = state.lookup.follow(state.locate(operation.target, operation.shown_target))
        if target.parent:
            raise Denial(target.parent, f"the directory of {target.name} does not exist")
        if target.exists:
            _check_target(state, source, target)
        _transfer(state, source.path, target.path)
        state.streams.copied(source.identity, state.lookup.find(target.path))
    except OSError as error:
        raise Denial(windows_code(state, operation, error), str(error)) from None
    state.lookup.created(target.path)
    for name in state.attributes.of(source):
        state.set_attribute(state.lookup.find(target.path), name, True)
    model.written(target.path)


def _source(state: WindowsState, operation: Operation, *, follow: bool) -> Location:
    location = state.existing(operation)
    if location.is_link and not follow:
        raise Denial(1314, "symbolic links need a privilege, or developer mode")
    location = state.lookup.follow(location)
    state.must_exist(location)
    if location.is_directory:
        raise Denial(5, f"{location.name} is a directory")
    state.check_sharing(location, READ, ALL, real=False)
    return location


def _check_target(state: WindowsState, source: Location, target: Location) -> None:
    if target.is_directory:
        raise Denial(5, f"{target.name} is a directory")
    if target.identity == source.identity:
        raise Denial(32, f"{target.name} would be copied onto itself")
    if state.attributes.readonly(target) or state.attributes.of(target) & {"hidden", "system"}:
        raise Denial(5, f"{target.name} has an attribute that forbids it")
    state.check_images(target, 32)
    state.check_sharing(target, WRITE, READ | WRITE)
    for opening, hold in state.openings(target.identity):
        if opening.kind == "section":
            state.refuse(1224, target, opening, hold)


def _transfer(state: WindowsState, source: str, target: str) -> None:
    open_file = state.native.open_file
    with open_file(source, "rb") as reading, open_file(target, "wb") as writing:
        while piece := reading.read(_SIZE):
            writing.write(piece)
    status = state.native.stat(source)
    state.native.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))
    state.native.chmod(target, modes.S_IMODE(status.st_mode))
