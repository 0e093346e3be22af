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
from contextlib import suppress
from typing import NamedTuple

_SET_MODE_FILTER = 1
_NEW_LISTENER = 1 << 3
# Once a call is received, only a deadly signal ends it; without this any signal starts it anew. Linux 5.19.
_WAIT_KILLABLE_RECV = 1 << 5
_PR_SET_NO_NEW_PRIVS = 38

_RECEIVE, _SEND, _IS_VALID, _SET_FLAGS = 0xC0502100, 0xC0182101, 0x40082102, 0x40082104
_SYNC_WAKE_UP = 1  # asker and answerer share a processor: Linux 6.6
_REQUEST = struct.Struct("=QIIiIQ6Q")
_ANSWER = struct.Struct("=QqiI")
_CONTINUE = 1


class _Program(ctypes.Structure):
    """One `struct sock_fprog`."""

    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


class Request(NamedTuple):
    """One call that waits for an answer: its number as a question, who asks (a thread), and what."""

    ident: int
    task: int
    number: int
    arch: int
    arguments: tuple[int, ...]


class Installer:
    """Install filters; made before the thread that is to have one, since there nothing may be loaded."""

    def __init__(self, number_of_seccomp: int, code: bytes) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._seccomp = number_of_seccomp
        self._buffer = ctypes.create_string_buffer(code, len(code))
        self._program = _Program(len(code) // 8, ctypes.addressof(self._buffer))
        self.killable = True

    def install(self) -> int:
        """Put the filter before the calling thread and what it starts; return the listener's descriptor.

        Raise OSError if that is impossible: EBUSY if somebody listens already, EPERM where seccomp is forbidden.
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
            # Whoever is no administrator must renounce first what a setuid program would give.
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
    libc = ctypes.CDLL(None, use_errno=True)
    handle = os.pidfd_open(process)
    try:
        found = libc.syscall(_PIDFD_GETFD, handle, descriptor, 0)
    finally:
        os.close(handle)
    if found < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return int(found)


class NotificationListener:
    """One listener: what a tree of processes asks."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLIN)
        self._buffer = bytearray(_REQUEST.size)
        self._empty = bytes(_REQUEST.size)
        with suppress(OSError):  # on an older kernel
            fcntl.ioctl(descriptor, _SET_FLAGS, _SYNC_WAKE_UP)

    def fileno(self) -> int:
        """Return the descriptor."""
        return self.descriptor

    def state(self) -> str:
        """Return whether a question waits (``"asked"``), nobody is left (``"over"``), or neither (``""``)."""
        events = self._poll.poll(0)
        if not events:
            return ""
        return "asked" if events[0][1] & select.POLLIN else "over"

    def receive(self) -> Request | None:
        """Return a question that waits; None if whoever asked has died meanwhile."""
        self._buffer[:] = self._empty  # as the kernel demands
        try:
            fcntl.ioctl(self.descriptor, _RECEIVE, self._buffer)
        except OSError as error:
            if error.errno in {errno.ENOENT, errno.EINTR}:
                return None
            raise
        ident, task, _flags, number, arch, _pointer, *arguments = _REQUEST.unpack(self._buffer)
        return Request(ident, task, number, arch, tuple(arguments))

    def is_valid(self, ident: int) -> bool:
        """Return whether whoever asked still waits."""
        try:
            fcntl.ioctl(self.descriptor, _IS_VALID, struct.pack("=Q", ident))
        except OSError:
            return False
        return True

    def proceed(self, ident: int) -> None:
        """Let a call go ahead."""
        self._send(_ANSWER.pack(ident, 0, 0, _CONTINUE))

    def refuse(self, ident: int, number: int) -> None:
        """Let a call fail with an `errno`."""
        self._send(_ANSWER.pack(ident, 0, -number, 0))

    def give(self, ident: int, value: int) -> None:
        """Let a call return a value, without being made."""
        self._send(_ANSWER.pack(ident, value, 0, 0))

    def _send(self, answer: bytes) -> None:
        try:
            fcntl.ioctl(self.descriptor, _SEND, answer)
        except OSError as error:
            # ENOENT: it has died, or a signal has taken it back. EINPROGRESS: it was answered.
            if error.errno not in {errno.ENOENT, errno.EINPROGRESS}:
                raise

    def close(self) -> None:
        """Listen no more: calls that come now fail with ENOSYS."""
        os.close(self.descriptor)
