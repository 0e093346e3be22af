"""The connections of a child to its parent: one for each thread, so that none waits for another."""

from __future__ import annotations

import os
from _socket import AF_UNIX, SOCK_STREAM
from _socket import socket as Socket  # noqa: N812  # a class; the module `socket` takes long to import
from _thread import _local, get_ident, get_native_id
from fcntl import F_DUPFD_CLOEXEC, fcntl
from typing import TYPE_CHECKING, Any

from pytest_fsfault._intercept.children.protocol import Frames, decode_ending, pack
from pytest_fsfault._intercept.children.rendezvous import socket_of

if TYPE_CHECKING:
    from pytest_fsfault._intercept.children.protocol import Message

_SIZE = 65_536


# Few programs go so far; where that many files may not be open at once, a low number has to do.
_HIGH = 512


def _out_of_the_way(connection: Socket) -> Socket:
    """Return a connection under a high number: the low ones are as free as the code under test expects."""
    try:
        number = fcntl(connection.fileno(), F_DUPFD_CLOEXEC, _HIGH)
    except OSError:
        return connection
    connection.close()
    return Socket(AF_UNIX, SOCK_STREAM, 0, number)


class ParentGone(Exception):  # noqa: N818  # no mistake: the session is over
    """The parent answers no more."""


class ParentConnection:
    """One connection."""

    def __init__(self, address: str) -> None:
        self.socket = Socket(AF_UNIX)
        self._frames = Frames()
        self._ready: list[Message] = []
        try:
            self.socket.connect(address)
        except OSError:
            self.socket.close()
            raise ParentGone from None
        self.socket = _out_of_the_way(self.socket)

    def __del__(self) -> None:
        # Its thread has ended, or the interpreter does: nobody need be warned.
        self.socket.close()

    def send(self, message: Message) -> None:
        """Send a message; its answer is still to come."""
        try:
            self.socket.sendall(pack(message))
        except ConnectionError:
            raise ParentGone from None

    def receive(self) -> Message:
        """Return the next answer; raise what has ended the session."""
        while not self._ready:
            try:
                data = self.socket.recv(_SIZE)
            except ConnectionError:  # no other one: a signal handler may raise what it likes
                data = b""
            if not data:
                raise ParentGone
            self._ready += self._frames.feed(data)
        answer = self._ready.pop(0)
        if answer[0] == "ended":
            raise decode_ending(answer[1:])
        return answer


class Client:
    """The connections of one process."""

    def __init__(self, directory: str) -> None:
        self._address = socket_of(directory)
        self._local: Any = _local()

    def hello(self) -> Message:
        """Tell of this process; return what holds."""
        connection = vars(self._local)["line"] = ParentConnection(self._address)
        connection.send(("hello", os.getpid(), get_ident(), get_native_id()))
        return connection.receive()

    def here(self, name: str = "line") -> ParentConnection:
        """Return the connection of the calling thread."""
        lines = vars(self._local)
        found: ParentConnection | None = lines.get(name)
        if found is None:
            found = lines[name] = ParentConnection(self._address)
            found.send(("thread", os.getpid(), get_ident(), get_native_id()))
            found.receive()
        return found

    def drop(self) -> None:
        """Give up the connection of the calling thread, on which something is still to come."""
        connection = vars(self._local).pop("line", None)
        if connection is not None:
            connection.socket.close()

    def aside(self, *message: Any) -> Message:
        """Return the answer to a message while the connection of this thread waits for another one."""
        connection = self.here("aside")
        connection.send(message)
        return connection.receive()

    def ask(self, *message: Any) -> Message:
        """Return the answer to a message.

        Raises:
            ParentGone: if nobody answers any more.
            SimulatedCrash: if the session has ended so, or RetryStorm.

        """
        connection = self.here()
        connection.send(message)
        return connection.receive()
