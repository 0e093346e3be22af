"""Wait until one of the watched sockets has something to do: not on Windows, which has named pipes."""

from __future__ import annotations

import _socket
import select
import selectors
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection

# Not there on Windows, where this module can be imported, and nothing in it is used.
_socketpair: Any = getattr(_socket, "socketpair", None)
_READABLE = getattr(select, "POLLIN", 0)
_SIZE = 65_536
_READ, _BOTH = selectors.EVENT_READ, selectors.EVENT_READ | selectors.EVENT_WRITE


class Poller:
    """A selector that can be notified from another thread."""

    tells_late = False

    def __init__(self) -> None:
        self._wakeup, self._notifier = _socketpair()
        for one in (self._wakeup, self._notifier):
            one.settimeout(0)
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
        self._selector.unregister(descriptor)

    def modify(self, descriptor: int, *, writing: bool) -> None:
        """Report a descriptor also when it can be written, or no longer."""
        self._selector.modify(descriptor, _BOTH if writing else _READ)

    def select(self, timeout: float | None) -> list[int]:
        """Return which descriptors have something to do, after at most so many seconds."""
        found = [key.fd for key, _ in self._selector.select(timeout)]
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
        with suppress(OSError):  # it has been woken up already, or is no more
            self._notifier.send(b"!")

    def close(self) -> None:
        """Give the descriptors up."""
        self._selector.close()
        self._wakeup.close()
        self._notifier.close()
