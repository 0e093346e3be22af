"""Stand in for `_winapi`, by which `shutil.copy2` copies on Windows from Python 3.12 on.

Sources: windows.md sections 1.4, 2.2 and 3.1; WINE-K test_CopyFile2; CPython Lib/shutil.py, Modules/_winapi.c
(its errors carry no file name).
"""

from __future__ import annotations

import os
import stat as modes
from typing import TYPE_CHECKING

from pytest_fsfault._core.language.errors import build, parse_error
from pytest_fsfault._core.language.operations import OPERATIONS, Operation
from pytest_fsfault._windows.natives import windows_code
from pytest_fsfault._windows.sharing import ALL, READ, WRITE
from pytest_fsfault._windows.state import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_fsfault._windows.lookup import Place
    from pytest_fsfault._windows.model import Model
    from pytest_fsfault._windows.state import Scene

# pytest leaves the frames of this module out of tracebacks: they are not the user's.
__tracebackhide__ = True

_SIZE = 1024 * 1024


class Winapi:
    """What `shutil` uses of `_winapi`."""

    COPY_FILE_ALLOW_DECRYPTED_DESTINATION = 0x8
    COPY_FILE_COPY_SYMLINK = 0x800
    ERROR_PRIVILEGE_NOT_HELD = 1314
    ERROR_ACCESS_DENIED = 5

    def __init__(
        self,
        absolute: Callable[[str], str],
        model: Callable[[str, str], Model | None],
        refused: Callable[[Operation, str, OSError], None],
    ) -> None:
        self._absolute = absolute
        self._model = model  # whose business a copy from one path to another is; None: nobody's
        self._refused = refused

    def CopyFile2(self, source: str, target: str, flags: int) -> None:  # noqa: N802  # Windows' name
        """Copy a file with its attributes and times; raise an error without file names."""
        paths = self._absolute(os.fspath(source)), self._absolute(os.fspath(target))
        model = self._model(*paths)
        if model is None:
            # `shutil` copies in its own way after this one.
            raise build(parse_error("ERROR_ACCESS_DENIED"), "winerror")
        kind = OPERATIONS["shutil.copy2"]
        operation = Operation("shutil.copy2", paths[0], paths[1], kind.groups, source, target)
        try:
            _copy(model, operation, follow=not flags & self.COPY_FILE_COPY_SYMLINK)
        except Refusal as refusal:
            error = build(parse_error(f"WinError {refusal.code}"), "winerror")
            error.add_note(refusal.reason)
            if refusal.code != self.ERROR_ACCESS_DENIED:  # what `shutil` itself will meet again
                self._refused(operation, refusal.reason, error)
            raise error from None


def _copy(model: Model, operation: Operation, *, follow: bool) -> None:
    scene = model.scene
    assert operation.target is not None  # noqa: S101  # made with one
    try:
        source = _source(scene, operation, follow=follow)
        target = scene.lookup.follow(scene.place(operation.target, operation.shown_target))
        if target.parent:
            raise Refusal(target.parent, f"the directory of {target.name} does not exist")
        if target.exists:
            _check_target(scene, source, target)
        _transfer(scene, source.path, target.path)
    except OSError as error:
        raise Refusal(windows_code(scene, operation, error), str(error)) from None
    scene.lookup.created(target.path)
    model.actors.arrived(target.path)


def _source(scene: Scene, operation: Operation, *, follow: bool) -> Place:
    place = scene.existing(operation)
    if place.is_link and not follow:
        raise Refusal(1314, "symbolic links need a privilege, or developer mode")
    place = scene.lookup.follow(place)
    scene.must_exist(place)
    if place.is_directory:
        raise Refusal(5, f"{place.name} is a directory")
    scene.check_sharing(place, READ, ALL, real=False)
    return place


def _check_target(scene: Scene, source: Place, target: Place) -> None:
    if target.is_directory:
        raise Refusal(5, f"{target.name} is a directory")
    if target.identity == source.identity:
        raise Refusal(32, f"{target.name} cannot be copied onto itself")
    if scene.readonly(target) or scene.attributes(target) & {"hidden", "system"}:
        raise Refusal(5, f"{target.name} has an attribute that forbids it")
    scene.check_images(target, 32)
    scene.check_sharing(target, WRITE, READ | WRITE)
    for opening, hold in scene.openings(target.identity):
        if opening.kind == "section":
            scene.refuse(1224, target, opening, hold)


def _transfer(scene: Scene, source: str, target: str) -> None:
    open_file = scene.native.open_file
    with open_file(source, "rb") as reading, open_file(target, "wb") as writing:
        while piece := reading.read(_SIZE):
            writing.write(piece)
    status = scene.native.stat(source)
    scene.native.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))
    scene.native.chmod(target, modes.S_IMODE(status.st_mode))
