"""The connections of a child to its parent: each question has one for itself, so that none waits for another.

Whatever interrupts a question, a connection is used again only after its answer has come whole: a question takes a
connection out of those that are free and puts it back at its end. One that was not put back is closed.
"""

from __future__ import annotations

import os
from _thread import _local, get_ident, get_native_id
from _weakref import ref
from errno import ECONNREFUSED
from os import getpid
from time import monotonic_ns
from typing import TYPE_CHECKING, Any

from pytest_fsfault._intercept.children.child.answers import is_answer
from pytest_fsfault._intercept.children.endpoints import connect
from pytest_fsfault._intercept.children.protocol import Frames, Malformed, decode_ending, pack
from pytest_fsfault._intercept.children.transport import Closed

if TYPE_CHECKING:
    from pytest_fsfault._intercept.children.protocol import Message
    from pytest_fsfault._intercept.children.transport import Transport

_SIZE = 65_536
# There is no listener any more (connect(2)).
_OVER = frozenset([ECONNREFUSED])


class ParentGone(Exception):  # noqa: N818  # no mistake: the session is over
    """The parent answers no more."""


class Unreachable(ParentGone):
    """The parent may answer others, but this question did not reach it: no descriptor is left, for example."""


_CLOSED = "its connection was closed"


class ParentConnection:
    """One connection: questions and answers, each with its number."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self.process = getpid()
        self._frames = Frames()
        self._ready: list[list[Any]] = []
        self._asked = 0

    @property
    def descriptor(self) -> int:
        """The number of its descriptor."""
        return self._transport.descriptor

    @property
    def selectable(self) -> bool:
        """Whether a selector tells of what comes."""
        return self._transport.selectable

    def has_input(self) -> bool:
        """Return whether something has come, or nothing comes any more."""
        return bool(self._ready) or self._transport.has_input()

    def is_usable(self) -> bool:
        """Return whether it still belongs to this process, and its descriptor to it."""
        return self.process == getpid() and self._transport.is_ours()

    def send(self, message: Message) -> None:
        """Send a question; its answer is still to come.

        Raises:
            ParentGone: if the parent does not receive it.

        """
        self._asked += 1
        try:
            self._transport.sendall(pack((self._asked, *message)))
        except Closed:
            raise self._gone() from None

    def receive(self) -> Message:
        """Return the answer to the last question.

        Raises:
            ParentGone: if there is none.

        """
        for _ in range(self._asked):  # those of earlier questions may still come, each once
            answer = self._next()
            if not answer or type(answer[0]) is not int or answer[0] > self._asked:
                break
            if answer[0] == self._asked:
                return tuple(answer[1:])
        raise ParentGone

    def _next(self) -> list[Any]:
        while not self._ready:
            if not self.is_usable():
                raise Unreachable(_CLOSED)
            try:
                data = self._transport.recv(_SIZE)
                self._ready += self._frames.feed(data)
            except (Closed, Malformed):
                raise self._gone() from None
            if not data:
                raise self._gone()
        return self._ready.pop(0)

    def _gone(self) -> ParentGone:
        return ParentGone() if self.is_usable() else Unreachable(_CLOSED)

    def sever(self) -> None:
        """In a forked child: let whatever still waits here find that the parent is gone."""
        try:
            self._transport.sever()
        except OSError:
            self.process = 0

    def close(self) -> None:
        """End the connection."""
        self._transport.close()


class Client:
    """The connections of one process, for each of its threads."""

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._local: Any = _local()
        self._token = monotonic_ns()  # tells this process from an earlier one of its number
        self._known: dict[int, ref[ParentConnection]] = {}

    def take(self) -> ParentConnection:
        """Return a free connection of the calling thread, a new one if there is none.

        Raises:
            ParentGone: if the parent answers no more.

        """
        free: list[ParentConnection] = vars(self._local).setdefault("free", [])
        while free:
            connection = free.pop()
            if connection.is_usable():
                return connection
            connection.close()
        return self._connect()

    def give(self, connection: ParentConnection) -> None:
        """Put back a connection, on which nothing is to come any more."""
        vars(self._local).setdefault("free", []).append(connection)

    def _connect(self) -> ParentConnection:
        try:
            connection = ParentConnection(connect(self._directory))
        except Closed as error:
            gone = ParentGone() if error.number in _OVER else Unreachable(os.strerror(error.number))
            raise gone from None
        self._known = {key: one for key, one in tuple(self._known.items()) if one() is not None}
        self._known[id(connection)] = ref(connection)
        connection.send(("thread", getpid(), self._token, get_ident(), get_native_id()))
        connection.receive()
        return connection

    def close(self) -> None:
        """End all connections, and tell the parent so: this process does no more that concerns it."""
        for one in self._known.values():
            connection = one()
            if connection is not None:
                connection.close()

    def sever(self) -> None:
        """In a forked child: give up the connections, which are those of the parent process."""
        for one in self._known.values():
            connection = one()
            if connection is not None:
                connection.sever()

    def ask(self, *message: Any) -> Message:
        """Return the answer to a message.

        Raises:
            ParentGone: if the parent answers no more.
            SimulatedCrash: if the session has ended so, or RetryStorm.

        """
        connection = self.take()
        try:
            connection.send(message)
            answer = connection.receive()
        except BaseException:
            connection.close()
            raise
        self.give(connection)
        return checked(answer)


def checked(answer: Message) -> Message:
    """Return an answer; raise what has ended the session, if it tells of that."""
    if not is_answer(answer):
        raise ParentGone
    if answer[0] == "ended":
        raise decode_ending(list(answer[1:]))
    return answer
