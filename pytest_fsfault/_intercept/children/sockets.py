"""Wait until one of the watched sockets has something to do: not on Windows, which has named pipes."""

from __future__ import annotations

import _socket
import errno
import os
import select
import selectors
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from pytest_fsfault._intercept.children.transport import identity_of

if TYPE_CHECKING:
    from collections.abc import Collection

# Not there on Windows, where this module can be imported, and nothing in it is used.
_socketpair: Any = getattr(_socket, "socketpair", None)
_READABLE = getattr(select, "POLLIN", 0)
_SIZE = 65_536
# Who waits looks after so many seconds whether the code under test has closed the descriptors, of which nothing tells.
_BEAT = 1.0
_lost: list[object] = []  # what would close, at its end, whatever has got its number since
_READ, _BOTH = selectors.EVENT_READ, selectors.EVENT_READ | selectors.EVENT_WRITE


class Poller:
    """A selector that can be notified from another thread."""

    tells_late = False

    def __init__(self) -> None:
        self._wakeup, self._notifier = _socketpair()
        for one in (self._wakeup, self._notifier):
            one.settimeout(0)
        self._identities = identity_of(self._wakeup.fileno()), identity_of(self._notifier.fileno())
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._wakeup.fileno(), _READ)
        self._watched: set[int] = set()

    def register(self, descriptor: int) -> None:
        """Watch a descriptor."""
        self._selector.register(descriptor, _READ)
        self._watched.add(descriptor)

    def unregister(self, descriptor: int) -> None:
        """Watch it no longer."""
        self._watched.discard(descriptor)
        if self.is_ours():
            self._selector.unregister(descriptor)

    def is_ours(self) -> bool:
        """Return whether the code under test has left the descriptors alone."""
        return (identity_of(self._wakeup.fileno()), identity_of(self._notifier.fileno())) == self._identities

    def modify(self, descriptor: int, *, writing: bool) -> None:
        """Report a descriptor also when it can be written, or no longer."""
        self._selector.modify(descriptor, _BOTH if writing else _READ)

    def select(self, timeout: float | None) -> list[int]:
        """Return which descriptors have something to do, after at most so many seconds, or a second.

        Raises:
            OSError: if the code under test has closed the descriptors.

        """
        found = [
            key.fd for key, _ in self._selector.select(_BEAT if timeout is None else min(timeout, _BEAT))
        ]
        if not self.is_ours():
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        if self._wakeup.fileno() in found:
            with suppress(BlockingIOError):
                self._wakeup.recv(_SIZE)
        return [descriptor for descriptor in found if descriptor != self._wakeup.fileno()]

    def has_input(self, behind: Collection[int] = ()) -> bool:
        """Return whether something has come to a descriptor that is not among those `behind` with their answers."""
        poll = select.poll() if hasattr(select, "poll") else None
        if poll is None:
            return False
        for descriptor in tuple(self._watched):
            if descriptor not in behind:
                poll.register(descriptor, _READABLE)
        return bool(poll.poll(0))

    def fileno(self) -> int:
        """Return what can be read as soon as `select` has something to return; -1 where there is no such thing."""
        fileno = getattr(self._selector, "fileno", None)
        return -1 if fileno is None else int(fileno())

    def rest(self) -> None:
        """Do nothing when the thread ends: nothing is under way between two calls of `select`."""

    def notify(self) -> None:
        """Let `select` return."""
        if self.is_ours():
            with suppress(OSError):  # it has been woken up already, or is no more
                self._notifier.send(b"!")

    def close(self) -> None:
        """Give the descriptors up."""
        if not self.is_ours():
            _lost.append(self._selector)
            self._wakeup.detach()
            self._notifier.detach()
            return
        self._selector.close()
        self._wakeup.close()
        self._notifier.close()
