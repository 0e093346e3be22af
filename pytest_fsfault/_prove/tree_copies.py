"""Copy and remove whole trees through the real functions, which no fault meets."""

from __future__ import annotations

import os
from stat import S_IFDIR, S_IFLNK, S_IFMT, S_IFREG, S_IMODE
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_fsfault._core.engine.interfaces import NativeFunctions

_BINARY = getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
_CHUNK = 1 << 20


def copy(native: NativeFunctions, source: str, target: str, *, but: str = "") -> None:
    """Copy a directory: content, modes, times, links as links, and hard links among its files.

    What stands right in it at the path `but` is left out.
    """
    made: dict[tuple[int, int], str] = {}
    _copy_directory(native, source, target, made, but)


def _copy_directory(
    native: NativeFunctions, source: str, target: str, made: dict[tuple[int, int], str], but: str = ""
) -> None:
    native.mkdir(target)
    with native.scandir(source) as entries:
        for entry in entries:
            if entry.path != but:
                _copy_entry(native, entry, f"{target}/{entry.name}", made)
    # At last: a directory may be read-only, and what is put in it changes its time.
    _settle(native, native.lstat(source), target)


def _copy_entry(native: NativeFunctions, entry: Any, target: str, made: dict[tuple[int, int], str]) -> None:
    status = entry.stat(follow_symlinks=False)
    kind = S_IFMT(status.st_mode)
    if kind == S_IFDIR:
        _copy_directory(native, entry.path, target, made)
    elif kind == S_IFLNK:
        native.symlink(native.readlink(entry.path), target)
    elif kind == S_IFREG:
        first = made.setdefault((status.st_dev, status.st_ino), target) if status.st_nlink > 1 else target
        if first != target:
            native.link(first, target)
            return
        _copy_file(native, entry.path, target)
        _settle(native, status, target)


def _copy_file(native: NativeFunctions, source: str, target: str) -> None:
    reading = native.open(source, os.O_RDONLY | _BINARY)
    try:
        writing = native.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY)
        try:
            while data := native.read(reading, _CHUNK):
                while data:
                    data = data[native.write(writing, data) :]
        finally:
            native.close(writing)
    finally:
        native.close(reading)


def _settle(native: NativeFunctions, status: os.stat_result, target: str) -> None:
    native.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))
    native.chmod(target, S_IMODE(status.st_mode))


def remove(native: NativeFunctions, path: str) -> None:
    """Remove whatever stands at `path`, read-only or not; nothing need be there."""
    try:
        mode = native.lstat(path).st_mode
    except OSError:
        return
    if S_IFMT(mode) != S_IFDIR:
        _unlink(native, path)
        return
    _remove_directory(native, path, mode)


def _remove_directory(native: NativeFunctions, path: str, mode: int) -> None:
    if mode & 0o700 != 0o700:  # noqa: PLR2004  # reading, writing and searching by the owner
        native.chmod(path, 0o700)
    with native.scandir(path) as entries:
        below = [(entry.path, entry.is_dir(follow_symlinks=False), entry) for entry in entries]
    for child, is_directory, entry in below:
        if is_directory:
            _remove_directory(native, child, entry.stat(follow_symlinks=False).st_mode)
        else:
            _unlink(native, child)
    native.rmdir(path)


def _unlink(native: NativeFunctions, path: str) -> None:
    try:
        native.unlink(path)
    except PermissionError:  # read-only on Windows
        native.chmod(path, 0o600)
        native.unlink(path)
