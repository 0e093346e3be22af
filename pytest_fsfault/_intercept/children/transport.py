"""How bytes get from a child to its parent and back: the one module that knows what a connection is made of.

A connection can `sendall`, `recv` and `close`; `connect` makes one in the child, `Listener.accept` in the parent. The
code under test may close any descriptor, also ours: a connection knows its own, and never touches another one that has
got its number since.
"""

from __future__ import annotations

import _socket
import os
from _socket import SOCK_STREAM
from _socket import socket as Socket  # noqa: N812  # a class; the module `socket` takes long to import
from contextlib import suppress
from errno import ENOENT
from importlib import import_module
from os import close as close_descriptor
from os import dup2
from typing import Any, Protocol

from pytest_fsfault._host.originals import ORIGINALS
from pytest_fsfault._intercept.children.rendezvous import is_of_the_call, is_private, socket_of

# A parent loads this when wrappers are in place.
_fstat = ORIGINALS["os", "fstat"]
AF_UNIX: Any = getattr(_socket, "AF_UNIX", None)  # Python has none on Windows
_socketpair: Any = getattr(_socket, "socketpair", None)
_BACKLOG = 128
# The numbers for a child's connection, where so many files may be open: few programs go so far, and the low ones
# are as free as the code under test expects.
_HIGH = (512, 224, 96)
# Who has died gets no answer, and is no reason for a signal.
_QUIET = getattr(_socket, "MSG_NOSIGNAL", 0)
# Take nothing, and do not wait.
_LOOK = getattr(_socket, "MSG_PEEK", 0) | getattr(_socket, "MSG_DONTWAIT", 0)


class Closed(Exception):  # noqa: N818  # the other end may do so at any time
    """Nothing can be sent or received any more; `number` is the error of the system, 0 if it tells none."""

    def __init__(self, number: int = 0) -> None:
        super().__init__(number)
        self.number = number


class Transport(Protocol):
    """One connection, at either end. What is not sent or received raises `Closed`, or waits for nothing."""

    @property
    def descriptor(self) -> int:
        """The number of its descriptor."""
        ...

    @property
    def selectable(self) -> bool:
        """Whether a selector tells of what comes, as it does of a socket."""
        ...

    def has_input(self) -> bool:
        """Return whether something has come, or the other end is closed."""
        ...

    def is_ours(self) -> bool:
        """Return whether the descriptor is still that of the connection."""
        ...

    def send(self, data: bytes) -> int:
        """Send what can be sent without waiting; return its length."""
        ...

    def sendall(self, data: bytes) -> None:
        """Send all of `data`."""

    def recv(self, size: int) -> bytes:
        """Return what has come, at most `size` bytes; nothing if the other end is closed."""
        ...

    def sever(self) -> None:
        """In a forked child: let the copy of the connection end, while that of the parent goes on."""

    def close(self) -> None:
        """End the connection."""


class UnixConnection:
    """A connection through a socket of the file system."""

    __slots__ = ("_identity", "_socket", "descriptor")
    selectable = True

    def __init__(self, socket: Socket) -> None:
        self._socket = socket
        self.descriptor = socket.fileno()
        self._identity = identity_of(self.descriptor)

    def has_input(self) -> bool:
        """Return whether something has come, or the other end is closed."""
        try:
            self._socket.recv(1, _LOOK)
        except BlockingIOError:
            return False
        except OSError:
            return True
        return True

    def is_ours(self) -> bool:
        """Return whether the descriptor is still that of the connection."""
        return self._identity is not None and identity_of(self.descriptor) == self._identity

    def send(self, data: bytes) -> int:
        """Send what can be sent without waiting; return its length."""
        try:
            return self._socket.send(data, _QUIET)
        except BlockingIOError:
            return 0
        except OSError as error:
            raise _closed(error) from None

    def sendall(self, data: bytes) -> None:
        """Send all of `data`."""
        try:
            self._socket.sendall(data, _QUIET)
        except OSError as error:
            raise _closed(error) from None

    def recv(self, size: int) -> bytes:
        """Return what has come, at most `size` bytes; nothing if the other end is closed."""
        try:
            return self._socket.recv(size)
        except OSError as error:
            raise _closed(error) from None

    def sever(self) -> None:
        """In a forked child: let the copy of the connection end, while that of the parent goes on."""
        if not self.is_ours():
            return
        ended, other = _socketpair()
        other.close()
        dup2(ended.fileno(), self.descriptor, inheritable=False)
        ended.close()
        self._identity = identity_of(self.descriptor)

    def close(self) -> None:
        """End the connection."""
        if self.is_ours():
            self._socket.close()
        else:
            self._socket.detach()  # the number belongs to another file now
        self._identity = None

    def __del__(self) -> None:
        # Its thread has ended, or the interpreter does: no warning is needed.
        with suppress(BaseException):
            self.close()


def identity_of(descriptor: int) -> tuple[int, int] | None:
    """Return what tells the file of a descriptor from any other; None if it is closed."""
    try:
        status = _fstat(descriptor)
    except OSError as error:
        if not is_of_the_call(error):
            raise
        return None
    return status.st_dev, status.st_ino


def _closed(error: OSError) -> BaseException:
    return Closed(error.errno or 0) if is_of_the_call(error) else error


def connect(directory: str) -> Transport:
    """Connect to the process that answers in a private directory.

    Raises:
        Closed: if there is no answer, or no descriptor left.

    """
    if not is_private(directory):
        raise Closed(ENOENT)
    try:
        socket = Socket(AF_UNIX, SOCK_STREAM)
        socket.settimeout(None)  # whatever `socket.setdefaulttimeout` says
        socket.connect(socket_of(directory))
    except OSError as error:
        raise _closed(error) from None
    return UnixConnection(_out_of_the_way(socket))


def _out_of_the_way(socket: Socket) -> Socket:
    """Return a connection under a high number."""
    module: Any = import_module("fcntl")  # exists on POSIX alone
    for high in _HIGH:
        try:
            number = module.fcntl(socket.fileno(), module.F_DUPFD_CLOEXEC, high)
        except OSError:
            continue
        socket.close()
        moved = Socket(AF_UNIX, SOCK_STREAM, 0, number)
        moved.settimeout(None)
        return moved
    return socket


class Listener:
    """Where children connect: a socket in the private directory of the parent."""

    def __init__(self, directory: str) -> None:
        self._socket = Socket(AF_UNIX, SOCK_STREAM)
        self._socket.settimeout(0)
        self._socket.bind(socket_of(directory))
        self._socket.listen(_BACKLOG)
        self._identity = identity_of(self._socket.fileno())
        # Given up for a moment where no descriptor is left, so that who connects is turned away and does not wait.
        self._spare = _spare()

    def fileno(self) -> int:
        """Return the number of its descriptor."""
        return self._socket.fileno()

    def accept(self) -> Transport | None:
        """Return the next connection, which does not block; None if there is none after all.

        Raises:
            OSError: if no descriptor is left: the one that had connected was refused.

        """
        try:
            return self._accepted()
        except (BlockingIOError, InterruptedError, ConnectionError):
            return None
        except OSError:
            self._turn_away()
            raise

    def _accepted(self) -> Transport:
        number, _ = self._socket._accept()  # type: ignore[attr-defined]  # as `socket.socket.accept` does
        accepted = Socket(AF_UNIX, SOCK_STREAM, 0, number)
        accepted.settimeout(0)
        return UnixConnection(accepted)

    def _turn_away(self) -> None:
        spare, self._spare = self._spare, -1
        if spare >= 0:
            close_descriptor(spare)
        with suppress(OSError):
            close_descriptor(self._socket._accept()[0])  # type: ignore[attr-defined]
        self._spare = _spare()

    def is_ours(self) -> bool:
        """Return whether the code under test has left the descriptor alone."""
        return identity_of(self._socket.fileno()) == self._identity

    def close(self) -> None:
        """Stop listening."""
        if not self.is_ours():  # the numbers belong to other files now
            self._socket.detach()
            return
        self._socket.close()
        if self._spare >= 0:
            close_descriptor(self._spare)
            self._spare = -1


_open = os.open


def _spare() -> int:
    try:
        return _open(os.devnull, os.O_RDONLY)
    except OSError:
        return -1
