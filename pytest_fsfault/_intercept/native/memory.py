"""Look into a process that waits for an answer: the texts that its arguments point to, and where it stands.

Each look is at what the process is now: nothing is remembered of one, since it may run another program next.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
import sys
from array import array
from contextlib import suppress

from pytest_fsfault._core.language.rows import Row
from pytest_fsfault._host.originals import ORIGINALS, readlink

_open, _read, _close = (ORIGINALS["os", name] for name in ("open", "read", "close"))
_stat, _lstat = ORIGINALS["os", "stat"], ORIGINALS["os", "lstat"]
_PAGE = 4096
#: The longest path that the kernel takes, with its final zero; include/uapi/linux/limits.h.
PATH_MAX = 4096


_DELETED = " (deleted)"
_HOW = struct.Struct("=QQQ")  # `struct open_how`
# What is read at once of each of two texts: more than nearly all paths have.
_SHORT = 512
_ENCODING, _ERRORS = sys.getfilesystemencoding(), sys.getfilesystemencodeerrors()


class UnreadableError(OSError):
    """A process that could not be looked into: it has died, may not be read, or passes a wrong address."""

    def __init__(self, number: int, link: bytes | None = None) -> None:
        super().__init__(number, os.strerror(number), None if link is None else os.fsdecode(link))


def _unmarked(link: bytes, place: str) -> str:
    """Return where a link of ``/proc`` leads, if its last word is the mark of what is deleted, and not its name."""
    with suppress(OSError):
        if os.path.samestat(_stat(link), _lstat(place)):
            return place
    return place.removesuffix(_DELETED)


class Memory:
    """Read the memory of other processes, and the links of ``/proc``; one thread alone may use an instance.

    The interpreter's lock is kept: no call here waits, and a busy thread of the test would give it back late.
    """

    def __init__(self) -> None:
        # A reference that was made before, a small number, and a result that is an `int` are what ctypes passes fastest.
        quick, libc = ctypes.PyDLL(None), ctypes.PyDLL(None, use_errno=True)
        self._read, self._readlink = quick.process_vm_readv, quick.readlink
        self._told_read, self._told_readlink = libc.process_vm_readv, libc.readlink  # these leave an errno
        self._buffer = bytearray(_PAGE)
        at = ctypes.addressof(ctypes.c_char.from_buffer(self._buffer))
        # What a text is up to its zero, if it starts where one was read to.
        self._one = (ctypes.c_char * _SHORT).from_buffer(self._buffer)
        self._other = (ctypes.c_char * _SHORT).from_buffer(self._buffer, _SHORT)
        self._whole = ctypes.byref((ctypes.c_char * _PAGE).from_buffer(self._buffer))
        # Each a `struct iovec`, or two: an address, and how much is there.
        _, self._local = _spans(at, _PAGE)
        self._there, self._remote = _spans(0, _SHORT, 0, _SHORT)
        self._asked, self._span = _spans(0, _PAGE)
        # The last place that `stand` has told: its length, as bytes, and as it was told.
        self._size, self._raw, self._stand = 0, b"", ""

    def _fetch(self, task: int, address: int, length: int) -> int:
        """Copy what stands at an address into the buffer; return how much it is."""
        self._asked[0], self._asked[1] = address, length
        got: int = self._told_read(task, self._local, 1, self._span, 1, 0)
        if got < 0:
            raise UnreadableError(ctypes.get_errno())
        return got

    def read(self, task: int, address: int, length: int) -> bytes:
        """Return what stands at an address, a page at most. Raise UnreadableError if it is not readable."""
        return bytes(self._buffer[: self._fetch(task, address, length)])

    def text(self, task: int, address: int) -> bytes:
        """Return the text at an address, up to its zero. Raise UnreadableError if there is none to be read."""
        self._there[0] = address
        if self._read(task, self._local, 1, self._remote, 1, 0) == _SHORT:
            found = self._one.value
            if len(found) < _SHORT:
                return found
        return self._long_text(task, address)

    def _long_text(self, task: int, address: int) -> bytes:
        found = b""
        while len(found) < PATH_MAX:
            got = self._fetch(task, address, _PAGE - address % _PAGE)
            end = self._buffer.find(0, 0, got)
            if end >= 0:
                return found + bytes(self._buffer[:end])
            found += self._buffer[:got]
            address += got
        raise UnreadableError(errno.ENAMETOOLONG)

    def two_texts(self, task: int, one: int, other: int) -> tuple[bytes, bytes]:
        """Return the texts at two addresses, as `text` does, in one step if both are short. Raise UnreadableError."""
        there = self._there
        there[0], there[2] = one, other
        if self._read(task, self._local, 1, self._remote, 2, 0) == 2 * _SHORT:
            first, second = self._one.value, self._other.value
            if len(first) < _SHORT and len(second) < _SHORT:
                return first, second
        return self._long_text(task, one), self._long_text(task, other)

    def place(self, link: bytes) -> str:
        """Return where a link of ``/proc`` leads, without the mark of what is deleted. Raise UnreadableError."""
        return self._place(link, self._readlink(link, self._whole, _PAGE - 1))

    def stand(self, link: bytes) -> str:
        """Return where a link of a directory leads, with a separator behind it; empty if it has no path. Raise UnreadableError."""
        got: int = self._readlink(link, self._whole, _PAGE - 1)
        if got == self._size and self._buffer.startswith(self._raw):
            return self._stand  # as nearly always: a program stays where it is
        place = self._place(link, got)
        stand = f"{place}/".replace("//", "/") if place[:1] == "/" else ""
        raw = os.fsencode(place)
        if len(raw) == got and not place.endswith(_DELETED):  # what ends so may be the mark next time
            self._size, self._raw, self._stand = got, raw, stand
        return stand

    def _place(self, link: bytes, got: int) -> str:
        if got < 0:
            got = self._told_readlink(link, self._whole, _PAGE - 1)
        if got < 0:
            raise UnreadableError(ctypes.get_errno(), link)
        found = self._buffer[:got].decode(_ENCODING, _ERRORS)
        return _unmarked(link, found) if found.endswith(_DELETED) else found

    def root(self, task: int) -> str:
        """Return the root directory of a thread, as this process sees it. Raise UnreadableError."""
        return self.place(b"/proc/%d/root" % task)

    def executable(self, task: int) -> str:
        """Return the path of the program that a thread runs; ``"?"`` if it is not known."""
        try:
            return self.place(b"/proc/%d/exe" % task)
        except OSError:
            return "?"

    def open_how(self, task: int, address: int) -> tuple[int, int, int]:
        """Return flags, mode and way of resolving of the `struct open_how` at an address. Raise UnreadableError."""
        found = self.read(task, address, _HOW.size)
        if len(found) < _HOW.size:
            raise UnreadableError(errno.EFAULT)
        flags, mode, resolve = _HOW.unpack(found)
        return flags, mode, resolve


def _spans(*cells: int) -> tuple[array[int], object]:
    """Return cells that can be set, and the same memory as an argument."""
    made = array("Q", cells)  # an address and a `size_t`: 64 bits on every machine that there is a filter for
    return made, ctypes.byref((ctypes.c_char * (len(made) * made.itemsize)).from_buffer(made))


class Standing(Row):
    """As whom a thread asks the file system: what decides whether this process may do a call in its place."""

    users: bytes  # real, effective, saved and file system's
    groups: bytes
    others: bytes
    capabilities: bytes
    root: str
    mounts: str
    space: str  # of users


def standing(task: str) -> Standing:
    """Return the standing of a thread, by its number, or of this one (``"thread-self"``). Raise OSError."""
    status = content(f"/proc/{task}/status")
    users, groups, others = field(status, b"Uid"), field(status, b"Gid"), field(status, b"Groups")
    # What the file system asks for is the fourth number of each; include/linux/cred.h.
    return Standing(
        users.split()[3],
        groups.split()[3],
        b" ".join(sorted(others.split())),
        field(status, b"CapEff"),
        readlink(f"/proc/{task}/root"),
        readlink(f"/proc/{task}/ns/mnt"),
        readlink(f"/proc/{task}/ns/user"),
    )


def is_like_us(task: int) -> bool:
    """Return whether a thread has the rights of this one, and sees the same file system."""
    try:
        return standing("thread-self") == standing(str(task))
    except OSError:
        return False


def has_our_mask(task: int) -> bool:
    """Return whether a thread gives new files the rights that this process would give them: umask(2)."""
    try:
        masks = [field(content(f"/proc/{one}/status"), b"Umask") for one in ("thread-self", task)]
    except OSError:
        return False
    return masks[0] == masks[1]


def content(path: str) -> bytes:
    """Return what a file of ``/proc`` says, in one go. Raise OSError."""
    descriptor = _open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        found: bytes = _read(descriptor, 65_536)
        return found
    finally:
        _close(descriptor)


def field(status: bytes, name: bytes) -> bytes:
    """Return what stands behind a name in a ``status`` file of ``/proc``."""
    return status.partition(b"\n" + name + b":")[2].partition(b"\n")[0]
