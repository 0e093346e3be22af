"""Queries for open files (`SameFile`, `Below`) and their results as `Opening`s."""

from __future__ import annotations

from os import fsencode
from stat import S_ISDIR, S_ISREG
from typing import TYPE_CHECKING, Any, Protocol

from pytest_fsfault._core.language.rows import Row
from pytest_fsfault._windows.sharing import ALL, READ, WRITE, Identity, Opening

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator

    from pytest_fsfault._core.engine.interfaces import NativeFunctions


# The C runtime, and the loader for the current directory, share reading and writing, never deleting
# (UCRT lowio/open.cpp, `_SH_DENYNO`; ReactOS sdk/lib/rtl/path.c for the current directory).
_NO_DELETE = READ | WRITE
#: What Linux appends to the path of a file whose name is gone.
DELETED = " (deleted)"


class Mapped(Row):
    """A file that a process has mapped; `path` is empty if that name was deleted."""

    device: int
    inode: int
    path: str
    image: bool
    writable: bool = False  # what is written arrives in the file


class FoundFile(Row):
    """A file or directory that is open."""

    status: os.stat_result
    path: str


class Query(Protocol):
    """What is looked for among the open files."""

    #: What a ``maps`` file of ``/proc`` contains if anything that is meant is mapped, and perhaps else.
    trace: bytes

    def behind(self, link: str) -> FoundFile | None:
        """Return what a link of ``/proc`` stands for, if that is meant."""
        ...

    def at(self, path: str) -> FoundFile | None:
        """Return what stands at a path, if that is meant."""
        ...

    def mapped(self, maps: Iterable[Mapped]) -> list[Mapped]:
        """Return those mapped files that are sought."""
        ...


class SameFile:
    """Seek one file or directory, under whatever name."""

    def __init__(self, native: NativeFunctions, identity: Identity) -> None:
        self._stat = native.stat
        self._identity = identity
        self.trace = b" %d " % identity[1]

    def behind(self, link: str) -> FoundFile | None:
        """Return what a link of ``/proc`` stands for, if it is that file."""
        status = status_of(self._stat, link)
        if status is None or (status.st_dev, status.st_ino) != self._identity:
            return None
        return FoundFile(status, "")  # to ask for its path would cost as much again

    def at(self, path: str) -> FoundFile | None:
        """Return what stands at a path, if it is that file."""
        seen = self.behind(path)
        return seen and seen._replace(path=path)

    def mapped(self, maps: Iterable[Mapped]) -> list[Mapped]:
        """Return the mappings of that file.

        Some file systems (btrfs, overlay) show one device in the maps and another one in `stat`: there the
        path decides.
        """
        device, inode = self._identity
        same = [one for one in maps if one.inode == inode]
        return [one for one in same if one.device == device or (one.path and self.at(one.path))]


class Below:
    """Seek whatever is strictly below a directory, which is given by its real path."""

    def __init__(self, native: NativeFunctions, directory: str) -> None:
        self._stat = native.stat
        self._readlink = native.readlink
        self.prefix = directory.rstrip("/") + "/"
        self.trace = fsencode(self.prefix.replace("\n", "\\012"))

    def behind(self, link: str) -> FoundFile | None:
        """Return what a link of ``/proc`` stands for, if it is below and not deleted."""
        try:
            path = self._readlink(link)
        except OSError:
            return None
        return self.chosen(link, path)

    def at(self, path: str) -> FoundFile | None:
        """Return what stands at a path, if it is below."""
        return self.chosen(path, path)

    def chosen(self, link: str, path: str) -> FoundFile | None:
        """Return what `link` stands for if `path`, where that is, is below."""
        if not path.startswith(self.prefix):
            return None
        status = status_of(self._stat, link)
        if status is None or not path_of(self._stat, path, status):
            return None
        return FoundFile(status, path)

    def mapped(self, maps: Iterable[Mapped]) -> list[Mapped]:
        """Return the mappings of files that are below."""
        return [one for one in maps if one.path.startswith(self.prefix)]


def status_of(stat: Any, location: str | int) -> os.stat_result | None:
    """Return the status of an undeleted file or directory; None for all else, and where nothing is to be seen.

    `stat` is the function that reads it, `place` its argument.
    """
    try:
        status: os.stat_result = stat(location)
    except (OSError, ValueError):
        return None
    return status if lives(status) else None


def lives(status: os.stat_result) -> bool:
    """Return whether this is a file or directory that has not been deleted."""
    return status.st_nlink > 0 and (S_ISREG(status.st_mode) or S_ISDIR(status.st_mode))


def path_of(stat: Any, path: str, status: os.stat_result) -> str:
    """Return the path that ``/proc`` gives for an undeleted file, or nothing if it lives on under another name."""
    if not path.endswith(DELETED):
        return path
    named = status_of(stat, path)  # names may end so
    return path if named and (named.st_dev, named.st_ino) == (status.st_dev, status.st_ino) else ""


def opened(status: os.stat_result, access: int, who: str, path: str, share: int = _NO_DELETE) -> Opening:
    """Return the opening that an open descriptor of a file or directory stands for."""
    if S_ISDIR(status.st_mode):
        return Opening(READ, ALL, "directory", who, path)
    return Opening(access, share, "handle", who, path)


def current(whose: str, path: str) -> Opening:
    """Return the opening that a current directory stands for."""
    return Opening(READ, _NO_DELETE, "cwd", f"the current directory of {whose}", path)


def watched(whose: str, path: str) -> Opening:
    """Return the opening that a watched directory stands for: on Windows a handle that shares everything.

    Sources: Microsoft's page on ReadDirectoryChangesW; watchdog's observers/winapi.py opens it with all share modes.
    """
    return Opening(READ, ALL, "watch", f"watched by {whose}", path)


def running(mapped: Iterable[Mapped], program: str, whose: str) -> Iterator[Opening]:
    """Yield the openings that mapped files stand for; `program` is the path of what the process runs.

    They take no part in sharing: what a program or library forbids, its kind says (`WindowsState.check_images`).
    """
    for one in mapped:
        if not one.image:
            yield Opening(WRITE if one.writable else 0, ALL, "section", f"mapped by {whose}", one.path)
        elif one.path and one.path == program:
            number = whose.partition(" (")[0]  # without the name, which is the program's
            yield Opening(0, ALL, "image", f"{_name(program)} is running ({number})", one.path)
        else:
            yield Opening(0, ALL, "image", f"loaded by {whose}", one.path)


def _name(path: str) -> str:
    return path.rpartition("/")[2]
