"""Copy and remove whole trees through the real functions, which no fault meets."""

from __future__ import annotations

import os
import sys
from stat import S_IFDIR, S_IFMT, S_IFREG, S_IMODE
from typing import TYPE_CHECKING, Any

from pytest_fsfault._core.language.roots import without_prefix
from pytest_fsfault._host.links import is_junction, is_link, leads_to_directory

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
    # By `lstat`: on Windows a listing knows no numbers of files, and no count of their links.
    status = native.lstat(entry.path)
    kind = S_IFMT(status.st_mode)
    if is_link(status):
        _copy_link(native, entry.path, target, status)
    elif kind == S_IFDIR:
        _copy_directory(native, entry.path, target, made)
    elif kind == S_IFREG:
        first = made.setdefault((status.st_dev, status.st_ino), target) if status.st_nlink > 1 else target
        if first != target:
            native.link(first, target)
            return
        _copy_file(native, entry.path, target)
        _settle(native, status, target)


def _copy_link(native: NativeFunctions, source: str, target: str, status: os.stat_result) -> None:
    leads_to = native.readlink(source)
    if sys.platform == "win32" and is_junction(status):
        import _winapi  # noqa: PLC0415  # of Windows

        _winapi.CreateJunction(without_prefix(leads_to.replace("\\", "/")), target)
    else:
        # What it leads to may not be there yet: Windows has to be told what it is.
        native.symlink(leads_to, target, target_is_directory=leads_to_directory(status))


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
        status = native.lstat(path)
    except OSError:
        return
    if _is_directory(status):
        _remove_directory(native, path, status.st_mode)
    else:
        _unlink(native, path)


def _is_directory(status: os.stat_result) -> bool:
    return S_IFMT(status.st_mode) == S_IFDIR and not is_link(status)


def _remove_directory(native: NativeFunctions, path: str, mode: int) -> None:
    if mode & 0o700 != 0o700:  # noqa: PLR2004  # reading, writing and searching by the owner
        native.chmod(path, 0o700)
    with native.scandir(path) as entries:
        below = [(entry.path, entry.stat(follow_symlinks=False)) for entry in entries]
    for child, status in below:
        if _is_directory(status):
            _remove_directory(native, child, status.st_mode)
        else:
            _unlink(native, child)
    native.rmdir(path)


def _unlink(native: NativeFunctions, path: str) -> None:
    try:
        native.unlink(path)
    except PermissionError:  # read-only on Windows
        native.chmod(path, 0o600)
        native.unlink(path)
