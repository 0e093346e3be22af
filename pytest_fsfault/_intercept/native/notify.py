"""Ask the kernel to be asked: install a filter before the calling thread, receive calls, answer them.

seccomp(2) and seccomp_unotify(2); the structures are those of include/uapi/linux/seccomp.h.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import select
import struct
from array import array
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING

from pytest_fsfault._core.language.rows import Row

if TYPE_CHECKING:
    from collections.abc import Callable

_SET_MODE_FILTER = 1
_NEW_LISTENER = 1 << 3
# Once a call is received, only a deadly signal ends it; without this any signal starts it anew. Linux 5.19.
_WAIT_KILLABLE_RECV = 1 << 5
_PR_SET_NO_NEW_PRIVS = 38

_RECEIVE, _SEND, _IS_VALID = 0xC0502100, 0xC0182101, 0x40082102
_SET_FLAGS = 0x40082104
_SYNC_WAKE_UP = 1  # asker and answerer share a processor: Linux 6.6
_REQUEST = struct.Struct("=QI4xiI8x6Q")  # of `struct seccomp_notif`, what is of interest
_EMPTY = bytes(_REQUEST.size)
_ANSWER = struct.Struct("=QqiI")
_ADD = struct.Struct("=QIIII")  # `struct seccomp_notif_addfd`
_ADD_DESCRIPTOR, _IN_ITS_PLACE = 0x40182103, 1  # Linux 5.9
_IDENT = struct.Struct("=Q")
_CONTINUE = 1


class _Program(ctypes.Structure):
    """One `struct sock_fprog`."""

    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


#: The fields of a `Request`: quicker to have than one.
RequestRow = tuple[int, int, int, int, int, int, int, int, int, int]


class Request(Row):
    """One call that waits for an answer: its number as a question, who asks (a thread), and what, with six arguments."""

    ident: int
    task: int
    number: int
    arch: int
    first: int = 0
    second: int = 0
    third: int = 0
    fourth: int = 0
    fifth: int = 0
    sixth: int = 0

    @property
    def arguments(self) -> tuple[int, ...]:
        """The arguments of the call."""
        return self[ARGUMENTS:]


#: Where the arguments begin in a `Request`.
ARGUMENTS = 4


@cache
def _libc() -> ctypes.CDLL:
    """Return the C library: to open it anew takes a tenth of a start."""
    return ctypes.CDLL(None, use_errno=True)


class Installer:
    """Install filters; made before the thread that is to have one, since there nothing may be loaded."""

    def __init__(self, number_of_seccomp: int, code: bytes) -> None:
        self._libc = _libc()
        self._seccomp = number_of_seccomp
        self._buffer = ctypes.create_string_buffer(code, len(code))
        self._program = _Program(len(code) // 8, ctypes.addressof(self._buffer))
        self.killable = True

    def install(self) -> int:
        """Put the filter before the calling thread and what it starts; return the listener's descriptor.

        Raise OSError if that is impossible: EBUSY if there is a listener already, EPERM where seccomp is forbidden.
        """
        descriptor = self._install(_NEW_LISTENER | _WAIT_KILLABLE_RECV)
        if descriptor == -errno.EINVAL:
            self.killable = False
            descriptor = self._install(_NEW_LISTENER)
        if descriptor < 0:
            raise OSError(-descriptor, os.strerror(-descriptor))
        return descriptor

    def _install(self, flags: int) -> int:
        found = self._call(flags)
        if found == -errno.EACCES:
            # A process that is not an administrator's must renounce first what a setuid program would give.
            self._libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
            found = self._call(flags)
        return found

    def _call(self, flags: int) -> int:
        found = self._libc.syscall(self._seccomp, _SET_MODE_FILTER, flags, ctypes.byref(self._program))
        return -ctypes.get_errno() if found < 0 else int(found)


# The same number on every machine.
_PIDFD_GETFD = 438


def take(process: int, descriptor: int) -> int:
    """Return a copy of a descriptor of another process: pidfd_getfd(2). Raise OSError."""
    libc = _libc()
    handle = os.pidfd_open(process)
    try:
        found = libc.syscall(_PIDFD_GETFD, handle, descriptor, 0)
    finally:
        os.close(handle)
    if found < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return int(found)


@cache
def _ioctl() -> Callable[[int, int, object], int]:
    """Return ioctl(2) as it is called with the interpreter's lock held.

    No call here waits, and a thread that gives the lock away gets it back only once a busy thread of the test lets go of it.
    """
    return ctypes.PyDLL(None, use_errno=True).ioctl


class NotificationListener:
    """One listener: what a tree of processes asks. One thread alone may use an instance."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._ioctl = _ioctl()
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLIN)
        self.asked = descriptor, select.POLLIN  # the event that says that a question waits
        self._beside: tuple[int, Callable[[int | None], list[tuple[int, int]]]] | None = None
        self._request = bytearray(_REQUEST.size)
        self._answer = bytearray(_ANSWER.size)
        self._ahead = array(
            "Q", _ANSWER.pack(0, 0, 0, _CONTINUE)
        )  # quick to set: the first cell is the number
        self._request_at, self._answer_at = _argument(self._request), _argument(self._answer)
        self._ahead_at = _argument(self._ahead)
        with suppress(OSError):  # on an older kernel
            fcntl.ioctl(descriptor, _SET_FLAGS, _SYNC_WAKE_UP)

    def fileno(self) -> int:
        """Return the descriptor."""
        return self.descriptor

    def state(self) -> str:
        """Return whether a question waits (``"asked"``), no process is left (``"over"``), or neither (``""``)."""
        return _meaning(self._poll.poll(0))

    def beside(self, others: int) -> Callable[[int | None], list[tuple[int, int]]]:
        """Return what waits so many milliseconds for an event, here or at the descriptor `others`; here comes first.

        With None it waits without an end.
        """
        if self._beside is None or self._beside[0] != others:
            poll = select.poll()
            poll.register(self.descriptor, select.POLLIN)
            poll.register(others, select.POLLIN)
            self._beside = others, poll.poll
        return self._beside[1]

    def meaning(self, events: list[tuple[int, int]]) -> str:
        """Return the state that events tell, of what `beside` has returned."""
        return _meaning([event for event in events if event[0] == self.descriptor])

    def receive(self) -> RequestRow | None:
        """Return the row of a `Request` that waits; None if the thread that asked has died meanwhile.

        It does not wait where `state` has said that a question waits: the kernel counts them, also those that died.
        """
        self._request[:] = _EMPTY  # as the kernel demands
        if self._ioctl(self.descriptor, _RECEIVE, self._request_at) < 0:
            number = ctypes.get_errno()
            if number in {errno.ENOENT, errno.EINTR}:
                return None
            raise OSError(number, os.strerror(number))
        return _REQUEST.unpack(self._request)

    def is_valid(self, ident: int) -> bool:
        """Return whether the thread that asked still waits."""
        _IDENT.pack_into(self._answer, 0, ident)
        return self._ioctl(self.descriptor, _IS_VALID, self._answer_at) == 0

    def proceed(self, ident: int) -> None:
        """Let a call go ahead."""
        self._ahead[0] = ident
        if self._ioctl(self.descriptor, _SEND, self._ahead_at) < 0:
            self._was_gone()

    def refuse(self, ident: int, number: int) -> None:
        """Let a call fail with an `errno`."""
        self._send(ident, 0, -number, 0)

    def close_for(self, ident: int, descriptor: int) -> None:
        """Close a file of the process that waits, as far as that can be: its number stays, and leads nowhere."""
        null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        try:
            added = bytearray(_ADD.pack(ident, _IN_ITS_PLACE, null, descriptor & 0xFFFFFFFF, os.O_CLOEXEC))
            self._ioctl(self.descriptor, _ADD_DESCRIPTOR, _argument(added))
        finally:
            os.close(null)

    def give(self, ident: int, value: int) -> None:
        """Let a call return a value, without being made."""
        self._send(ident, value, 0, 0)

    def _send(self, *answer: int) -> None:
        _ANSWER.pack_into(self._answer, 0, *answer)
        if self._ioctl(self.descriptor, _SEND, self._answer_at) < 0:
            self._was_gone()

    @staticmethod
    def _was_gone() -> None:
        """Raise OSError unless the thread that asked has died, a signal has taken it back, or it has an answer."""
        number = ctypes.get_errno()
        if number not in {errno.ENOENT, errno.EINPROGRESS}:
            raise OSError(number, os.strerror(number))

    def close(self) -> None:
        """Listen no more: calls that come now fail with ENOSYS."""
        os.close(self.descriptor)


def is_alive(descriptor: int) -> bool:
    """Return whether a process is left that can ask a listener; any thread may call this."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return not any(event & (select.POLLHUP | select.POLLNVAL) for _, event in poll.poll(0))


def _argument(buffer: bytearray | array[int]) -> object:
    """Return a buffer as what ctypes passes fastest."""
    return ctypes.byref((ctypes.c_char * memoryview(buffer).nbytes).from_buffer(buffer))


def _meaning(events: list[tuple[int, int]]) -> str:
    if not events:
        return ""
    return "asked" if events[0][1] & select.POLLIN else "over"
