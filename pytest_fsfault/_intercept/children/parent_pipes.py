"""The parent's end of named pipes: a listener, connections, and a completion port that tells what has ended."""

from __future__ import annotations

import os
from contextlib import suppress
from errno import EPIPE
from importlib import import_module
from typing import TYPE_CHECKING, Any

from pytest_fsfault._intercept.children.named_pipes import closed, pipe_of, token_of, winapi
from pytest_fsfault._intercept.children.rendezvous import is_private, write_private
from pytest_fsfault._intercept.children.transport import Closed

if TYPE_CHECKING:
    from pytest_fsfault._intercept.children.transport import Transport

_SIZE = 65_536
_TOKEN = 32  # bytes
_BROKEN = 109  # ERROR_BROKEN_PIPE
_BYTES_OF_THIS_MACHINE = 0x8  # PIPE_REJECT_REMOTE_CLIENTS, in bytes
_MOST = 255  # instances
_NOTIFIED = 1  # stands for the address of an operation, which is never so low; 0 would be taken for an error
_FIRST = 1 << 40  # the numbers of listeners: no handle has them

_endpoints: dict[int, Any] = {}


class ParentPipe:
    """The end of the parent: operations are begun, and the poller tells of their end."""

    def __init__(self, handle: int, token: bytes) -> None:
        self.descriptor = handle
        self.wants_writing = False
        self._token = token  # what has still to come before anything is believed
        self._data = b""
        self._ended = False
        self._reading: Any = None
        self._writing: Any = None
        self._poller: PipePoller | None = None
        _endpoints[handle] = self

    def begin(self, poller: PipePoller) -> None:
        """Read, and let the poller tell of what comes."""
        self._poller = poller
        self._read()

    def _read(self) -> None:
        if self._reading is not None or self._ended or self._poller is None:
            return
        operation = _overlapped().Overlapped(0)
        try:
            operation.ReadFile(self.descriptor, _SIZE)
        except OSError:
            self._ended = True
            return
        if operation.error == _BROKEN:  # of which the port does not tell
            self._ended = True
            return
        self._reading = operation
        self._poller.expect(self, operation)

    def complete(self, operation: Any) -> None:
        """Take in that an operation has ended."""
        try:
            result = operation.getresult()
        except OSError:
            result = b""
            self._ended = True
        if operation is self._writing:
            self._writing = None
        if operation is self._reading:
            self._reading = None
            self._ended = self._ended or not result
            self._receive(bytes(result))
            if not self._data:
                self._read()

    def _receive(self, data: bytes) -> None:
        if self._token and data:
            told, self._token = self._token[: len(data)], self._token[len(data) :]
            self._ended = self._ended or told != data[: len(told)]
            data = data[len(told) :]
        self._data += b"" if self._ended and self._token else data

    def is_ready(self) -> bool:
        """Return whether `recv` returns at once, or something can be sent that had to wait."""
        if self.wants_writing:
            return self._writing is None
        return bool(self._data) or self._ended

    def has_input(self) -> bool:
        """Return whether something has come that nobody has received."""
        return bool(self._data) or (self._reading is not None and not self._reading.pending)

    def is_ours(self) -> bool:
        """Return whether it is open."""
        return self.descriptor != 0

    def send(self, data: bytes) -> int:
        """Begin to send `data`, if nothing is on its way; return how much was taken."""
        if self._writing is not None or self._ended or not self.descriptor:
            if self._ended:
                raise Closed(EPIPE)
            return 0
        operation = _overlapped().Overlapped(0)
        try:
            operation.WriteFile(self.descriptor, data[:_SIZE])
        except OSError as error:
            self._ended = True
            raise closed(error) from None
        if operation.pending and self._poller is not None:
            self._writing = operation
            self._poller.expect(self, operation)
        elif self._poller is not None:
            self._poller.expect(self, operation)
        return min(len(data), _SIZE)

    def sendall(self, data: bytes) -> None:
        """Send all of `data`, which is short."""
        while data:
            data = data[self.send(data) :]

    def recv(self, size: int) -> bytes:
        """Return what has come, at most `size` bytes; nothing if the other end is closed."""
        found, self._data = self._data[:size], self._data[size:]
        if not self._data:
            self._read()
        return found

    def sever(self) -> None:
        """Do nothing: no process is forked on Windows."""

    def close(self) -> None:
        """End the connection; what is under way is called off first, since the system writes to its memory."""
        handle, self.descriptor = self.descriptor, 0
        if not handle:
            return
        _endpoints.pop(handle, None)
        self._ended = True
        for operation in (self._reading, self._writing):
            _call_off(operation)
        self._reading = self._writing = None
        winapi.CloseHandle(handle)


def _call_off(operation: Any) -> None:
    if operation is not None and operation.pending:
        with suppress(OSError):
            operation.cancel()
        with suppress(OSError):
            operation.getresult(True)


def _overlapped() -> Any:
    return import_module("_overlapped")  # of the parent alone


class PipeListener:
    """Where children connect: an instance of the pipe waits for the next of them."""

    _numbers = iter(range(_FIRST, _FIRST << 1))

    def __init__(self, directory: str) -> None:
        if not is_private(directory):
            raise PermissionError
        api: Any = import_module("pytest_fsfault._host.windows_api")
        self._name = pipe_of(directory)
        self._token = os.urandom(_TOKEN)
        self._security, self._kept = api.private_security()
        self._number = next(self._numbers)
        self._waiting: Any = None
        self._connected = False
        self._poller: PipePoller | None = None
        self.wants_writing = False
        write_private(token_of(directory), self._token)
        self._handle = self._instance(winapi.FILE_FLAG_FIRST_PIPE_INSTANCE)
        _endpoints[self._number] = self

    def _instance(self, flags: int = 0) -> int:
        mode = winapi.PIPE_ACCESS_DUPLEX | winapi.FILE_FLAG_OVERLAPPED | flags
        kind = _BYTES_OF_THIS_MACHINE
        made = winapi.CreateNamedPipe(self._name, mode, kind, _MOST, _SIZE, _SIZE, 0, self._security)
        return int(made)

    def fileno(self) -> int:
        """Return the number under which it is watched."""
        return self._number

    def begin(self, poller: PipePoller) -> None:
        """Wait for a child, and let the poller tell when it comes."""
        self._poller = poller
        self._wait()

    def _wait(self) -> None:
        assert self._poller is not None  # noqa: S101  # it is watched
        self._poller.associate(self._handle)
        operation = _overlapped().Overlapped(0)
        self._connected = bool(operation.ConnectNamedPipe(self._handle))
        if not self._connected:
            self._waiting = operation
            self._poller.expect(self, operation)

    def complete(self, operation: Any) -> None:
        """Take in that a child has connected, or given up."""
        if operation is self._waiting:
            self._waiting = None
            try:
                operation.getresult()
                self._connected = True
            except OSError:
                winapi.CloseHandle(self._handle)
                self._handle = self._instance()
                self._wait()

    def is_ready(self) -> bool:
        """Return whether a child has connected."""
        return self._connected

    def has_input(self) -> bool:
        """Return whether a child has connected, and nobody has accepted it."""
        return self._connected or (self._waiting is not None and not self._waiting.pending)

    def accept(self) -> Transport | None:
        """Return the next connection; None if there is none after all."""
        if not self._connected:
            return None
        accepted = ParentPipe(self._handle, self._token)
        self._connected = False
        self._handle = self._instance()
        self._wait()
        return accepted

    def close(self) -> None:
        """Stop listening."""
        _endpoints.pop(self._number, None)
        _call_off(self._waiting)
        self._waiting = None
        winapi.CloseHandle(self._handle)


class PipePoller:
    """Wait until one of the watched endpoints has something to do: a completion port with the ways of a selector."""

    def __init__(self) -> None:
        module = _overlapped()
        self._module = module
        self._port = module.CreateIoCompletionPort(module.INVALID_HANDLE_VALUE, 0, 0, 1)
        self._pending: dict[int, tuple[Any, Any]] = {}
        self._watched: dict[int, Any] = {}

    def register(self, descriptor: int) -> None:
        """Watch an endpoint."""
        endpoint = self._watched[descriptor] = _endpoints[descriptor]
        endpoint.begin(self)

    def unregister(self, descriptor: int) -> None:
        """Watch it no longer."""
        self._watched.pop(descriptor, None)

    def modify(self, descriptor: int, *, writing: bool) -> None:
        """Report an endpoint when it can send again, or when something has come."""
        self._watched[descriptor].wants_writing = writing

    def associate(self, handle: int) -> None:
        """Let the port tell of a handle's operations."""
        self._module.CreateIoCompletionPort(handle, self._port, handle, 0)

    def expect(self, endpoint: Any, operation: Any) -> None:
        """Keep an operation until it has ended."""
        self._pending[operation.address] = endpoint, operation

    def select(self, timeout: float | None) -> list[int]:
        """Return which endpoints have something to do, after at most so many seconds."""
        limit = 0xFFFF_FFFF if timeout is None else max(0, int(timeout * 1000 + 0.999))
        found = self._module.GetQueuedCompletionStatus(self._port, 0 if self._ready() else limit)
        while found is not None:
            self._take(found[3])
            found = self._module.GetQueuedCompletionStatus(self._port, 0)
        return self._ready()

    def _ready(self) -> list[int]:
        return [number for number, endpoint in tuple(self._watched.items()) if endpoint.is_ready()]

    def _take(self, address: int) -> None:
        endpoint, operation = self._pending.get(address, (None, None))
        # A packet of an operation that was called off may carry the address of a younger one.
        if endpoint is not None and not operation.pending:
            del self._pending[address]
            endpoint.complete(operation)

    def has_input(self, behind: Any = ()) -> bool:
        """Return whether something has come to an endpoint that is not among those `behind` with their answers."""
        watched = tuple(self._watched.items())
        return any(number not in behind and endpoint.has_input() for number, endpoint in watched)

    @staticmethod
    def fileno() -> int:
        """Return -1: nobody can wait for a port of completions together with something else."""
        return -1

    def notify(self) -> None:
        """Let `select` return."""
        with suppress(OSError):
            self._module.PostQueuedCompletionStatus(self._port, 0, 0, _NOTIFIED)

    def close(self) -> None:
        """Give the port up."""
        winapi.CloseHandle(self._port)
