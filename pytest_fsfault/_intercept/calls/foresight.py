"""Foresee whether a call may be made that is to fail: because it changes nothing, or because it fails anyway."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING

from pytest_fsfault._core.language.operations import GROUPS, OPERATIONS

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_fsfault._core.engine.interfaces import NativeFunctions
    from pytest_fsfault._core.language.operations import Operation

    Look = Callable[[NativeFunctions, Operation], bool]

# What works on a descriptor, and moves its position or gives it back.
_TRANSFERS = frozenset(name for name, kind in OPERATIONS.items() if kind.names == "none")
_FAIL_BEFORE = frozenset([errno.EBADF, errno.EISDIR, errno.EINVAL])
_NEED_THEIR_PATH = frozenset(
    [*GROUPS["rename"], *GROUPS["delete"], "os.chmod", "os.utime", "os.truncate", "os.link"]
)
_MAKE_THEIR_PATH = frozenset(["os.mkdir", "open", "os.open"])
_MAKE_THEIR_TARGET = frozenset(["os.link", "os.symlink"])


def may_try(native: NativeFunctions, operation: Operation, number: int) -> bool:
    """Return whether a call may be made that is to fail with the errno `number`.

    It may if nothing comes of it, even where it succeeds; a call that changes something only if a look at the tree
    says that it fails so.
    """
    if operation.name in _TRANSFERS:
        return number in _FAIL_BEFORE
    if "mutate" not in operation.groups:
        return not OPERATIONS[operation.name].composite
    look = _LOOKS.get(number)
    return look is not None and look(native, operation)


def _mode(native: NativeFunctions, path: str | None) -> int:
    """Return the mode of what stands at a path, 0 if nothing does."""
    mode = 0
    if path is not None:
        with suppress(OSError, ValueError):
            mode = int(native.lstat(path).st_mode)
    return mode


def _above(path: str) -> str:
    return path.rpartition("/")[0] or "/"


def _ends(operation: Operation) -> list[str]:
    """Return the paths that a call needs a directory for."""
    if operation.name == "os.symlink":
        return [operation.target or ""]  # its first argument is text
    return [operation.path] if operation.target is None else [operation.path, operation.target]


def _is_missing(native: NativeFunctions, operation: Operation) -> bool:
    if any(not _mode(native, _above(path)) for path in _ends(operation)):
        return True
    needs = operation.name in _NEED_THEIR_PATH or (
        operation.name in _MAKE_THEIR_PATH and "create" not in operation.groups
    )
    return needs and not _mode(native, operation.path)


def _is_there(native: NativeFunctions, operation: Operation) -> bool:
    if operation.name in _MAKE_THEIR_TARGET:
        return bool(_mode(native, operation.target))
    return _makes_anew(operation) and bool(_mode(native, operation.path))


def _makes_anew(operation: Operation) -> bool:
    if operation.name == "os.mkdir":
        return True
    detail = operation.detail
    if isinstance(detail, str):
        return "x" in detail
    return operation.name == "os.open" and isinstance(detail, int) and bool(detail & os.O_EXCL)


def _is_full(native: NativeFunctions, operation: Operation) -> bool:
    path = operation.path if operation.name == "os.rmdir" else operation.target
    if path is None or not stat.S_ISDIR(_mode(native, path)):
        return False
    with suppress(OSError):
        return bool(native.listdir(path))
    return False


def _is_no_directory(native: NativeFunctions, operation: Operation) -> bool:
    above = [_mode(native, _above(path)) for path in _ends(operation)]
    if any(mode and not (stat.S_ISDIR(mode) or stat.S_ISLNK(mode)) for mode in above):
        return True
    mode = _mode(native, operation.path)
    return operation.name == "os.rmdir" and bool(mode) and not stat.S_ISDIR(mode)


def _is_directory(native: NativeFunctions, operation: Operation) -> bool:
    path = operation.target if operation.name in GROUPS["rename"] else operation.path
    return operation.name not in {"os.mkdir", "os.rmdir"} and stat.S_ISDIR(_mode(native, path))


_LOOKS: dict[int, Look] = {
    errno.ENOENT: _is_missing,
    errno.EEXIST: _is_there,
    errno.ENOTEMPTY: _is_full,
    errno.ENOTDIR: _is_no_directory,
    errno.EISDIR: _is_directory,
}
