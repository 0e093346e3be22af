"""What the code under test gets for the status of a file, where that is not what the host says."""

from __future__ import annotations

import os
import stat as modes
import sys
from operator import attrgetter, itemgetter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

_MODE, _TYPE, _RUN, _WRITE = 0, 0o170000, 0o111, 0o200
_REGULAR, _DIRECTORY, _LINK = modes.S_IFREG, modes.S_IFDIR, modes.S_IFLNK


# What `os.stat_result` does not have on Windows: CPython Doc/library/os.rst; pyfakefs's tests on Windows.
_ABSENT = frozenset({"st_blocks", "st_blksize"})
# When a file was made, which `st_ctime` says there, too: CPython Modules/posixmodule.c, from 3.12 on.
_OF_BIRTH = (
    {f"st_birthtime{unit}": f"st_ctime{unit}" for unit in ("", "_ns")} if sys.version_info >= (3, 12) else {}
)
_READONLY, _FOLDER, _ARCHIVE, _REPARSE = 0x1, 0x10, 0x20, 0x400


class ShownStatus(tuple[Any, ...]):  # noqa: SLOT001  # it holds more than its items
    """A status of which some fields are others than the host's; for `isinstance` it is an `os.stat_result`."""

    st_mode = property(itemgetter(0))
    st_ino = property(itemgetter(1))
    st_dev = property(itemgetter(2))
    st_nlink = property(itemgetter(3))
    st_uid = property(itemgetter(4))
    st_gid = property(itemgetter(5))
    st_size = property(itemgetter(6))
    st_atime = property(attrgetter("_real.st_atime"))
    st_mtime = property(attrgetter("_real.st_mtime"))
    st_ctime = property(attrgetter("_real.st_ctime"))
    st_atime_ns = property(attrgetter("_real.st_atime_ns"))
    st_mtime_ns = property(attrgetter("_real.st_mtime_ns"))
    st_ctime_ns = property(attrgetter("_real.st_ctime_ns"))

    _real: Any
    # Those of most files; others have their own.
    st_file_attributes = _ARCHIVE
    st_reparse_tag = 0

    @property  # type: ignore[misc]
    def __class__(self) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride, reportIncompatibleVariableOverride, reportGeneralTypeIssues]
        return os.stat_result

    def __getattr__(self, name: str) -> Any:
        if name in _ABSENT:
            raise AttributeError(f"'os.stat_result' object has no attribute {name!r}")
        return getattr(vars(self)["_real"], _OF_BIRTH.get(name, name))

    def __repr__(self) -> str:
        names = ("mode", "ino", "dev", "nlink", "uid", "gid", "size", "atime", "mtime", "ctime")
        shown = ", ".join(f"st_{name}={value!r}" for name, value in zip(names, self, strict=True))
        return f"os.stat_result({shown})"

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return shown, (self._real, tuple(self)[:7], self.st_file_attributes, self.st_reparse_tag)


class ProgramMode(int):
    """The mode of a file that the host may run: `shutil` hands that on to a copy, as Windows does by the name.

    A program that the code under test copies, and then starts, is a real one.
    """


def shown(real: Any, fields: tuple[Any, ...], attributes: int, tag: int) -> ShownStatus:
    """Return a status with other first `fields` than the real one, and those that Windows alone has."""
    made = tuple.__new__(ShownStatus, fields + real[len(fields) :])
    made._real = real
    if attributes != _ARCHIVE:
        made.st_file_attributes = attributes
    if tag:
        made.st_reparse_tag = tag
    return made


def with_another(status: ShownStatus, real: Any) -> ShownStatus:
    """Return the same status over another real one."""
    return shown(real, tuple(status)[:7], status.st_file_attributes, status.st_reparse_tag)


def lacking(version: tuple[int, int]) -> dict[str, dict[str, object]]:
    """Return of which functions Windows' build of a Python lacks an argument, and which value it takes all the same.

    For another value it raises NotImplementedError. Sources: CPython Modules/posixmodule.c, `dir_fd_unavailable`,
    `follow_symlinks_specified`, and `argument_unavailable_error("link", "follow_symlinks=True")` from 3.14 on.
    """
    return {
        "access": {"follow_symlinks": True, "effective_ids": False},
        "utime": {"follow_symlinks": True},
        **({"chmod": {"follow_symlinks": True}} if version < (3, 13) else {}),
        **({"link": {"follow_symlinks": False}} if version >= (3, 14) else {}),  # python/cpython#132517
    }


_LACKING = lacking(sys.version_info[:2])
#: Functions that take no descriptor in Windows' build. Source: CPython Modules/posixmodule.c, `path_t(allow_fd=...)`.
_PATHS_ONLY = frozenset(
    ["chdir", "listdir", "scandir", "utime"] + ([] if sys.version_info >= (3, 13) else ["chmod"])
)


def check_path(function: str, path: object) -> None:
    """Raise TypeError for a descriptor that a function of `os` does not take on Windows."""
    if isinstance(path, int) and function in _PATHS_ONLY:
        raise TypeError(f"{function}: path should be string, bytes or os.PathLike, not int")


_DIRECTORIES = {
    "dir_fd": "",
    "src_dir_fd": "src_dir_fd and dst_dir_fd",
    "dst_dir_fd": "src_dir_fd and dst_dir_fd",
}


def check_available(function: str, arguments: Mapping[str, Any]) -> None:
    """Raise NotImplementedError for an argument that a function of `os` does not have on Windows."""
    for name, value in arguments.items():
        if name in _DIRECTORIES and value is not None:
            text = f"{function}: {_DIRECTORIES[name]}" if _DIRECTORIES[name] else name
        elif bool(value) != _LACKING.get(function, {}).get(name, bool(value)):
            text = f"{function}: {name}{'=True' if function == 'link' else ''}"
        else:
            continue
        raise NotImplementedError(f"{text} unavailable on this platform")


#: What functions of `os` return on Windows for a transfer of nothing, whatever the descriptor was opened for: its C
#: runtime asks the system for none. Source: UCRT lowio/read.cpp `_read_nolock`, lowio/write.cpp `_write_nolock`.
EMPTY_TRANSFERS: Mapping[str, bytes | int] = {"read": b"", "readinto": 0, "write": 0}

_NAMED = {"hidden": 0x2, "system": 0x4}
_SYMLINK = 0xA000000C  # IO_REPARSE_TAG_SYMLINK
_PROGRAMS = frozenset([".exe", ".bat", ".cmd", ".com"])


# Hot: each `stat` of a pretended Windows ends here, so that the steps stand in one function.
def windows_status(
    real: Any, path: object, attributes: Collection[str] = (), *, directory_link: bool = False
) -> Any:
    """Return a status as CPython shows it on Windows: the mode by kind and attributes, whatever the umask was.

    `path`, if it is a text, makes a program by its ending. `attributes` are those that the file system of the
    host does not hold, `directory_link` says that a link was made for a directory. What is neither file,
    directory nor link is shown as it is.
    Sources: CPython Modules/posixmodule.c win32_xstat, Python/fileutils.c attributes_to_mode.
    """
    mode = real[_MODE]
    kind = mode & _TYPE
    readonly = "readonly" in attributes if kind == _LINK else not mode & _WRITE or "readonly" in attributes
    flags = _READONLY if readonly else 0
    for name in attributes:
        flags |= _NAMED.get(name, 0)
    if kind == _REGULAR:
        bits = 0o100444 if readonly else 0o100666
        if type(path) is str and path[-4:-3] == "." and path[-4:].lower() in _PROGRAMS:
            bits |= _RUN
        return shown(real, (ProgramMode(bits) if mode & _RUN else bits,), flags | _ARCHIVE, 0)
    if kind == _DIRECTORY:  # which has one name
        return shown(real, (0o40555 if readonly else 0o40777, *real[1:3], 1), flags | _FOLDER, 0)
    if kind != _LINK:
        return real
    bits = (0o444 if readonly else 0o666) | (_RUN if directory_link else 0)
    flags |= _REPARSE | (_FOLDER if directory_link else _ARCHIVE)
    return shown(real, (_LINK | bits, *real[1:6], 0), flags, _SYMLINK)


def entry_status(found: Any) -> Any:
    """Return a status as `DirEntry.stat` gives it on Windows, which has seen no more than the listing.

    Source: the documentation of `os.DirEntry.stat`: `st_ino`, `st_dev` and `st_nlink` are zero.
    """
    if type(found) is not ShownStatus:
        return found
    return shown(found._real, (found[0], 0, 0, 0), found.st_file_attributes, found.st_reparse_tag)


# By the real mode: what a file or directory without any attribute of its own shows, as most have none.
_plain: dict[int, tuple[tuple[int, ...], int]] = {}
_new = tuple.__new__


def plain_status(real: Any, path: object) -> Any:
    """Return what `windows_status` does for a file or directory that has no attributes; the fast way."""
    known = _plain.get(real[0])
    if known is None:
        if real[0] & _TYPE not in (_REGULAR, _DIRECTORY):
            return windows_status(real, path)
        made = windows_status(real, None)
        known = _plain[real[0]] = tuple(made[:1]), made.st_file_attributes
    if type(path) is str and path[-4:-3] == "." and path[-4:].lower() in _PROGRAMS:
        return windows_status(real, path)
    fields, attributes = known
    if attributes & _FOLDER:
        return shown(real, (*fields, *real[1:3], 1), attributes, 0)
    made = _new(ShownStatus, fields + real[1:])
    made._real = real
    if attributes != _ARCHIVE:
        made.st_file_attributes = attributes
    return made
