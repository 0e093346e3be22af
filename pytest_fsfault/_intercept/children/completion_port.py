"""A completion port that tells which operations on named pipes have ended.

The system writes into an operation until it has ended. So one thread begins all of them, it calls off what is under way
before it ends itself or a handle is closed, and each operation is kept until the port has reported its end.
Sources: https://learn.microsoft.com/windows/win32/fileio/i-o-completion-ports and
https://learn.microsoft.com/windows/win32/fileio/cancelioex-func
"""

from __future__ import annotations

import time
from collections import deque
from contextlib import suppress
from importlib import import_module
from typing import Any, Protocol

from pytest_fsfault._intercept.children.named_pipes import winapi

_NOTIFIED = 1  # stands for the address of an operation, which is never so low; 0 would be taken for an error
_PATIENCE = 5.0  # real seconds for what was called off to end; it takes microseconds
_LOOK = 10  # milliseconds


class Endpoint(Protocol):
    """A listener or a connection: it begins operations, and gets their ends."""

    wants_writing: bool

    def begin(self, poller: PipePoller) -> None:
        """Begin what has to be under way."""

    def rest(self) -> None:
        """Call off what is under way."""

    def complete(self, operation: Any) -> None:
        """Record that an operation has ended."""

    def is_ready(self) -> bool:
        """Return whether there is something to do."""
        ...

    def has_input(self) -> bool:
        """Return whether something has come that was not received, or was not looked for yet."""
        ...


ENDPOINTS: dict[int, Endpoint] = {}
# What the system has not let go of in time: never freed, since it may still be written to.
_abandoned: list[Any] = []


def overlapped() -> Any:
    """Return the module of such operations, which the parent alone needs."""
    return import_module("_overlapped")


class PipePoller:
    """Wait until one of the watched endpoints has something to do: a completion port with the ways of a selector."""

    # What has come is in the memory of an operation once the thread that began it lets the system write there.
    tells_late = True

    def __init__(self) -> None:
        module = overlapped()
        self._module = module
        self._port = module.CreateIoCompletionPort(module.INVALID_HANDLE_VALUE, 0, 0, 1)
        self._pending: dict[int, tuple[Endpoint, Any]] = {}
        self._watched: dict[int, Endpoint] = {}
        self._resting: deque[Endpoint] = deque()
        self._notified = False

    def register(self, descriptor: int) -> None:
        """Watch an endpoint; `select` begins with it, in its thread."""
        endpoint = self._watched[descriptor] = ENDPOINTS[descriptor]
        self._resting.append(endpoint)
        self.notify()

    def unregister(self, descriptor: int) -> None:
        """Watch it no longer."""
        endpoint = self._watched.pop(descriptor, None)
        if endpoint is not None and endpoint in self._resting:
            self._resting.remove(endpoint)

    def modify(self, descriptor: int, *, writing: bool) -> None:
        """Report an endpoint when it can send again, or when something has come."""
        self._watched[descriptor].wants_writing = writing

    def associate(self, handle: int) -> None:
        """Let the port tell of a handle's operations."""
        self._module.CreateIoCompletionPort(handle, self._port, handle, 0)

    def expect(self, endpoint: Endpoint, operation: Any) -> None:
        """Keep an operation until it has ended."""
        self._pending[operation.address] = endpoint, operation

    def is_ours(self) -> bool:
        """Return True: handles are no descriptors, which the code under test may close all."""
        return True

    def select(self, timeout: float | None) -> list[int]:
        """Return which endpoints have something to do, after at most so many seconds."""
        while self._resting:
            self._resting.popleft().begin(self)
        limit = 0xFFFF_FFFF if timeout is None else max(0, int(timeout * 1000 + 0.999))
        self._gather(0 if self._notified or self._ready() else limit)
        self._notified = False
        return self._ready()

    def _ready(self) -> list[int]:
        return [number for number, endpoint in tuple(self._watched.items()) if endpoint.is_ready()]

    def _gather(self, limit: int) -> None:
        """Record what has ended; wait at most so many milliseconds for the first to do so."""
        found = self._module.GetQueuedCompletionStatus(self._port, limit)
        while found is not None:
            self._take(found[3])
            found = self._module.GetQueuedCompletionStatus(self._port, 0)

    def _take(self, address: int) -> None:
        self._notified = self._notified or address == _NOTIFIED
        endpoint, operation = self._pending.get(address, (None, None))
        if endpoint is not None and operation is not None and not operation.pending:
            del self._pending[address]
            endpoint.complete(operation)

    def call_off(self, *operations: Any) -> None:
        """Call off what is still under way, and wait until it has ended."""
        going = [one for one in operations if one is not None and one.pending]
        for operation in going:
            with suppress(OSError):  # it has just ended
                operation.cancel()
        until = time.monotonic() + _PATIENCE
        while any(one.pending for one in going) and time.monotonic() < until:
            self._gather(_LOOK)
        _abandoned.extend(one for one in going if one.pending)

    def rest(self) -> None:
        """Let nothing be under way when the thread ends that began it: `select` begins anew."""
        for endpoint in tuple(self._watched.values()):
            endpoint.rest()
        self._resting = deque(self._watched.values())

    def has_input(self, behind: Any = ()) -> bool:
        """Return whether something has come to an endpoint that is not among those `behind` with their answers."""
        watched = tuple(self._watched.items())
        return any(number not in behind and endpoint.has_input() for number, endpoint in watched)

    @staticmethod
    def fileno() -> int:
        """Return -1: a port of completions has no descriptor to wait for together with others."""
        return -1

    def notify(self) -> None:
        """Let `select` return."""
        with suppress(OSError):
            self._module.PostQueuedCompletionStatus(self._port, 0, 0, _NOTIFIED)

    def close(self) -> None:
        """Give the port up."""
        self.call_off(*[operation for _, operation in self._pending.values()])
        self._pending.clear()
        winapi.CloseHandle(self._port)
