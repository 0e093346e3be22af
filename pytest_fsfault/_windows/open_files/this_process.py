"""See what this process and its descendants really have open, at the moment of the question."""

from __future__ import annotations

import os
import re
import sys
import threading
from importlib import import_module
from operator import itemgetter
from os import fsdecode
from typing import TYPE_CHECKING, Any

from pytest_fsfault._core.language.deferred import deferred
from pytest_fsfault._core.language.rows import Row
from pytest_fsfault._host.processes import has_children, listing, read
from pytest_fsfault._windows.open_files.descendants import (
    ACCESS,
    openings,
    own_maps,
    program_of,
)
from pytest_fsfault._windows.open_files.queries import (
    Below,
    SameFile,
    current,
    lives,
    opened,
    path_of,
    running,
    status_of,
    watched,
)
from pytest_fsfault._windows.open_files.runtimes import Sharing
from pytest_fsfault._windows.sharing import READ, Opening

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_fsfault._core.engine.interfaces import NativeFunctions
    from pytest_fsfault._windows.open_files.queries import Query
    from pytest_fsfault._windows.sharing import Identity

fcntl: Any = None if sys.platform == "win32" else import_module("fcntl")
_makedev: Any = getattr(os, "makedev", None)
_MODE = getattr(os, "O_ACCMODE", os.O_RDONLY | os.O_WRONLY | os.O_RDWR)
_LINUX = sys.platform == "linux"
_DESCRIPTORS = "/proc/self/fd" if _LINUX else "/dev/fd"
_F_GETPATH = 50  # <sys/fcntl.h> of macOS
# What the interpreter loads from these stays where it is.
_FIXED = tuple(f"{top.rstrip('/')}/" for top in (sys.prefix, sys.base_prefix, "/usr", "/lib", "/lib64"))
_OURS = "this process"
_inode: Any = itemgetter(1)  # of a status
_FORMAT = 0o170000
# ``inotify wd:1 ino:2180c8 sdev:fe00000 mask:fff ...``; devices as the kernel has them, <linux/kdev_t.h>.
_WATCH = deferred(rb"^inotify .*?\bino:(\w+) sdev:(\w+)", re.MULTILINE)
_MINOR_BITS = 20
_MINORS = (1 << _MINOR_BITS) - 1


class _Look(Row):
    """What was mapped at the last look; what was below `fixed` has not moved since."""

    noted: object
    inodes: frozenset[int]
    fixed: tuple[str, ...]
    movable: bool

    def may_be_below(self, directory: str) -> bool:
        """Return whether something that was mapped may be below a directory now."""
        if self.movable or directory.startswith(self.fixed):
            return True
        return any(top.startswith(f"{directory.rstrip('/')}/") for top in self.fixed)


class OpenFiles:
    """What is open, mapped or entered, by this process and by its descendants.

    Nothing is tracked: each question asks the system. Safe to use from any thread; never raises OSError.
    """

    def __init__(self, native: NativeFunctions) -> None:
        self._native = native
        self._fstat = native.fstat
        self._stat = native.stat
        #: What the programs of descendants share.
        self.sharing = Sharing()
        self._numbers: tuple[int, ...] = ()
        # Replaced by each note; a look is up to date if it began after the last one.
        self._noted = object()
        self._look = _Look(None, frozenset(), _FIXED, movable=False)

    def note_mapping(self) -> None:
        """Record that files may have been mapped or libraries loaded: to be called after it was done."""
        self._noted = object()

    # Hot: each call that a model judges asks who has the file open.
    def of(self, identity: Identity, *, directory: bool = True) -> list[Opening]:
        """Return who has this very file or directory open; `directory` False says that it is a file."""
        inode = identity[1]
        found = []
        for number in self._suspects(inode):
            status = status_of(self._fstat, number)
            if status and (status.st_dev, status.st_ino) == identity:
                found.append(self._opened(number, status, ""))
        if directory:
            here = status_of(self._stat, ".")
            if here is not None and (here.st_dev, here.st_ino) == identity:
                found.append(current(_OURS, ""))
            found += [watched(_OURS, "") for one in self._watched() if one == identity]
        look = self._look
        # A mapping ends without notice: what was mapped is looked up again.
        if look.noted is not self._noted or inode in look.inodes:
            found += self._mappings(SameFile(self._native, identity))
        if has_children():
            found += openings(self._native, SameFile(self._native, identity), self.sharing)
        return found

    # Hot: the fast path asks it about each call, so that nothing is called that need not be.
    def closed(self, *inodes: int, directory: bool = False) -> bool:
        """Return whether surely none of these files or directories is open or mapped; False in doubt.

        A `directory` may be watched, too: a descriptor without a file, such as that of inotify, is a doubt.

        Nothing cheaper than a look at each descriptor is sound: C code opens files without an event, by numbers that
        were in use before. A lease (fcntl(2), F_SETLEASE with F_WRLCK), which succeeds if no process has the file open,
        is, and would cost a third (4.8 of 13.5 microseconds for 14 descriptors). But it needs a descriptor of its own,
        whose opening and closing programs see by inotify. Whoever opens the file meanwhile has to wait, or fails with
        EWOULDBLOCK, and this process gets a signal.
        """
        look = self._look
        if look.noted is not self._noted or not look.inodes.isdisjoint(inodes) or has_children():
            return False
        fstat = self._fstat
        numbers = self._unchanged()
        try:
            if not directory:
                if not {*inodes}.isdisjoint(map(_inode, map(fstat, numbers))):
                    return False
            else:
                for status in map(fstat, numbers):
                    if status.st_ino in inodes or not status.st_mode & _FORMAT:
                        return False
        except OSError:
            numbers = ()
        return bool(numbers) or not any(
            status.st_ino in inodes or (directory and not status.st_mode & _FORMAT)
            for _, status in self._listed()
        )

    def inodes(self) -> frozenset[int] | None:
        """Return the numbers of all files that this process has open or mapped, if surely no other process of the test has any.

        None while there are children or other threads.
        """
        look = self._look
        if look.noted is not self._noted or has_children() or not _alone():
            return None
        return look.inodes.union([status.st_ino for _, status in self._descriptors()])

    def unmapped(self, *inodes: int) -> bool:
        """Return whether surely none of these files is mapped, and no child lives; False in doubt."""
        look = self._look
        if look.noted is not self._noted or has_children():
            return False
        return look.inodes.isdisjoint(inodes)

    def below(self, directory: str) -> list[Opening]:
        """Return what is open strictly below a directory, which is given by its real path."""
        query = Below(self._native, directory)
        found = []
        for number, status in self._descriptors():
            seen = lives(status)
            path = self._path(number, status) if seen else ""
            if path.startswith(query.prefix):
                found.append(self._opened(number, status, path))
        here = query.at(self._here())
        if here is not None:
            found.append(current(_OURS, here.path))
        look = self._look
        if look.noted is not self._noted or look.may_be_below(directory):
            found += self._mappings(query)
        if has_children():
            found += openings(self._native, query, self.sharing)
        return found

    def _watched(self) -> Iterator[Identity]:
        """Yield the directories and files that this process watches by inotify, as its descriptors tell (proc(5))."""
        for number, status in self._descriptors() if _LINUX else ():
            if status.st_mode & _FORMAT:
                continue  # files, pipes and sockets; what has no file at all has no format either
            lines = read(self._native, f"/proc/self/fdinfo/{number}") or b""
            for inode, device in _WATCH.findall(lines):
                code = int(device, 16)
                yield _makedev(code >> _MINOR_BITS, code & _MINORS), int(inode, 16)

    def _suspects(self, inode: int) -> list[int]:
        """Return the open descriptors of files that have this number, on whatever device."""
        fstat = self._fstat
        if numbers := self._unchanged():
            try:
                return [number for number in numbers if fstat(number).st_ino == inode]
            except OSError:
                pass  # one was closed and another opened
        return [number for number, status in self._listed() if status.st_ino == inode]

    def _descriptors(self) -> list[tuple[int, os.stat_result]]:
        """Return all open descriptors."""
        if numbers := self._unchanged():
            try:
                return [(number, self._fstat(number)) for number in numbers]
            except OSError:
                pass
        return self._listed()

    def _unchanged(self) -> tuple[int, ...]:
        """Return the descriptors that are open if those of the last look still are, or nothing.

        Linux tells how many are open (from 6.2 on, as the size of the listing; 0 before) in a seventh of the
        time in which it lists them. As many as last time, and none of those closed: then they are the same,
        unless another thread opens and closes some meanwhile.
        """
        numbers = self._numbers
        try:
            same = _LINUX and _alone() and self._stat(_DESCRIPTORS).st_size == len(numbers)
        except OSError:
            return ()
        return numbers if same else ()

    def _listed(self) -> list[tuple[int, os.stat_result]]:
        found = []
        for name in listing(self._native, _DESCRIPTORS):
            try:
                found.append((int(name), self._fstat(int(name))))
            except OSError:  # at least one is gone: that of the listing itself
                continue
        self._numbers = tuple(number for number, _ in found)
        return found

    def _opened(self, number: int, status: os.stat_result, path: str) -> Opening:
        return opened(status, _access(number), f"open in {_OURS} (descriptor {number})", path)

    def _path(self, number: int, status: os.stat_result) -> str:
        """Return the path behind a descriptor, or nothing where the system does not tell."""
        try:
            if _LINUX:
                path = self._native.readlink(f"{_DESCRIPTORS}/{number}")
                return path_of(self._stat, path, status)
            raw = fcntl.fcntl(number, _F_GETPATH, bytes(1024))
            return fsdecode(raw.rstrip(b"\0"))
        except OSError:
            return ""

    def _here(self) -> str:
        try:
            return str(self._native.getcwd())
        except OSError:  # deleted
            return ""

    def _mappings(self, query: Query) -> list[Opening]:
        """Look at what this process has mapped, and remember it."""
        noted = self._noted  # before looking: what is noted meanwhile is for the next look
        mapped, program = own_maps(self._native), program_of(self._native, "self")
        prefix = program.rpartition("/")[0].rpartition("/")[0]  # the interpreter's own, links resolved
        fixed = (*_FIXED, f"{prefix}/") if prefix else _FIXED
        self._look = _Look(
            noted,
            frozenset(one.inode for one in mapped),
            fixed,
            any(one.path and not one.path.startswith(fixed) for one in mapped),
        )
        return list(running(query.mapped(mapped), program, _OURS))


def _alone() -> bool:
    """Return what `active_count` tells, without its lock: a thread leaves `_limbo` only once it is in `_active`."""
    return not threading._limbo and len(threading._active) == 1  # type: ignore[attr-defined]


def _access(number: int) -> int:
    try:
        return ACCESS[fcntl.fcntl(number, fcntl.F_GETFL) & _MODE]
    except OSError:  # closed by another thread just now
        return READ
