"""Say which error Windows gives where the host's own system gave one."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from pytest_fsfault._core.winerrors import NATIVE, NATIVE_DEFAULT

if TYPE_CHECKING:
    from pytest_fsfault._core.operation import Operation
    from pytest_fsfault._windows.scene import Scene

_CODES = {getattr(errno, name): code for name, code in NATIVE.items() if hasattr(errno, name)}
_LISTS = frozenset({"os.listdir", "os.scandir"})


def windows_code(scene: Scene, operation: Operation, error: OSError) -> int:
    """Return the Windows error for a native one, 2 or 3 by what is missing."""
    if error.errno == errno.ENOTDIR:
        return 267 if operation.name in _LISTS or operation.name in {"os.rmdir", "os.chdir"} else 3
    if error.errno == errno.ENOENT:
        return 3 if operation.name in _LISTS else _missing(scene, operation)
    return _CODES.get(error.errno or 0, NATIVE_DEFAULT)


def _missing(scene: Scene, operation: Operation) -> int:
    for path in (operation.path, operation.target):
        if path is None:
            continue
        place = scene.lookup.find(path)
        if place.parent:
            return 3
    return 2
