"""The parent's end of named pipes: a listener and connections, whose operations a completion port watches."""

from __future__ import annotations

import os
from errno import EPIPE
from importlib import import_module
from typing import TYPE_CHECKING, Any

from pytest_fsfault._intercept.children.completion_port import ENDPOINTS, overlapped
from pytest_fsfault._intercept.children.named_pipes import closed, pipe_of, token_of, winapi
from pytest_fsfault._intercept.children.rendezvous import is_private, write_private
from pytest_fsfault._intercept.children.transport import Closed

if TYPE_CHECKING:
    from pytest_fsfault._intercept.children.completion_port import PipePoller
    from pytest_fsfault._intercept.children.transport import Transport

_SIZE = 65_536
_TOKEN = 32  # bytes
_BROKEN, _ABORTED = 109, 995  # ERROR_BROKEN_PIPE, ERROR_OPERATION_ABORTED
_BYTES_OF_THIS_MACHINE = 0x8  # PIPE_REJECT_REMOTE_CLIENTS, in bytes
_MOST = 255  # instances
_FIRST = 1 << 40  # the numbers of listeners: no handle has them


class ParentPipe:
    """The end of the parent: operations are begun, and the poller tells of their end."""

    selectable = False

    def __init__(self, handle: int, token: bytes) -> None:
        self.descriptor = handle
        self.wants_writing = False
        self._token = token  # what has still to come before anything is believed
        self._data = b""
        self._ended = False
        self._reading: Any = None
        self._writing: Any = None
        self._poller: PipePoller | None = None
        self._begun = False
        ENDPOINTS[handle] = self

    def begin(self, poller: PipePoller) -> None:
        """Read, and let the poller tell of what comes."""
        self._poller, self._begun = poller, True
        self._read()

    def rest(self) -> None:
        """Call off what is under way, until `begin`. What had come is kept."""
        self._begun = False
        if self._poller is not None:
            self._poller.call_off(self._reading, self._writing)

    def _read(self) -> None:
        if self._reading is not None or self._ended or self._poller is None or not self._begun:
            return
        operation = overlapped().Overlapped(0)
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
        """Record that an operation has ended."""
        result: Any = b""
        aborted = False
        try:
            result = operation.getresult()
        except OSError as error:
            aborted = getattr(error, "winerror", None) == _ABORTED
            self._ended = self._ended or not aborted or operation is self._writing
        if operation is self._writing:
            self._writing = None
        if operation is self._reading:
            self._reading = None
            self._ended = self._ended or not (result or aborted)
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
        """Return whether something has come that was not received, or was not looked for yet."""
        if not self._begun:
            return True
        reading = self._reading
        return bool(self._data) or (reading is not None and not reading.pending)

    def is_ours(self) -> bool:
        """Return whether it is open."""
        return self.descriptor != 0

    def send(self, data: bytes) -> int:
        """Begin to send `data`, if nothing is on its way; return how much was taken."""
        poller = self._poller
        if self._ended or poller is None:
            raise Closed(EPIPE)
        if self._writing is not None:
            return 0
        operation = overlapped().Overlapped(0)
        try:
            operation.WriteFile(self.descriptor, data[:_SIZE])
        except OSError as error:
            self._ended = True
            raise closed(error) from None
        self._writing = operation if operation.pending else None
        poller.expect(self, operation)
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
        ENDPOINTS.pop(handle, None)
        self._ended = True
        self.rest()
        winapi.CloseHandle(handle)


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
        self._associated = 0
        self._lost: OSError | None = None
        self._poller: PipePoller | None = None
        self._begun = False
        self.wants_writing = False
        write_private(token_of(directory), self._token)
        self._handle = self._instance(winapi.FILE_FLAG_FIRST_PIPE_INSTANCE)
        ENDPOINTS[self._number] = self

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
        self._poller, self._begun = poller, True
        if not self._connected and self._waiting is None:
            self._wait()

    def rest(self) -> None:
        """Wait for no child, until `begin`. One that comes meanwhile is served then."""
        self._begun = False
        if self._poller is not None:
            self._poller.call_off(self._waiting)

    def _wait(self) -> None:
        """Wait for a child at an instance of the pipe; if there can be none, `accept` says so."""
        poller = self._poller
        if poller is None or not self._begun:
            return
        try:
            while not self._connect(poller):
                self._replace()
        except OSError as error:
            self._lost = error

    def _connect(self, poller: PipePoller) -> bool:
        """Begin to wait; return False if a child has come and gone."""
        if self._associated != self._handle:
            poller.associate(self._handle)
            self._associated = self._handle
        operation = overlapped().Overlapped(0)
        try:
            self._connected = bool(operation.ConnectNamedPipe(self._handle))
        except OSError:
            return False
        if not self._connected:
            self._waiting = operation
            poller.expect(self, operation)
        return True

    def _replace(self) -> None:
        """Put a new instance in the place of the present one."""
        handle, self._handle, self._associated = self._handle, 0, 0
        if handle:
            winapi.CloseHandle(handle)
        self._handle = self._instance()

    def complete(self, operation: Any) -> None:
        """Record that a child has connected, or given up."""
        if operation is not self._waiting:
            return
        self._waiting = None
        try:
            operation.getresult()
            self._connected = True
        except OSError as error:
            if getattr(error, "winerror", None) != _ABORTED:
                self._renew()
            else:
                self._wait()

    def _renew(self) -> None:
        try:
            self._replace()
        except OSError as error:
            self._lost = error
        else:
            self._wait()

    def is_ready(self) -> bool:
        """Return whether a child has connected, or none can any more."""
        return self._connected or self._lost is not None

    def has_input(self) -> bool:
        """Return whether a child has connected that was not accepted, or was not looked for yet."""
        waiting = self._waiting
        return not self._begun or self._connected or (waiting is not None and not waiting.pending)

    def accept(self) -> Transport | None:
        """Return the next connection; None if there is none after all.

        Raises:
            OSError: if there is no room for one more: the one that had connected was refused.

        """
        lost, self._lost = self._lost, None
        if lost is not None:
            raise lost
        if not self._connected:
            return None
        connected, self._connected = self._handle, False
        try:
            self._handle = self._instance()
        except OSError:
            self._renew()
            raise
        self._wait()
        return ParentPipe(connected, self._token)

    def is_ours(self) -> bool:
        """Return True: handles are no descriptors, which the code under test may close all."""
        return True

    def close(self) -> None:
        """Stop listening."""
        ENDPOINTS.pop(self._number, None)
        self.rest()
        handle, self._handle = self._handle, 0
        if handle:
            winapi.CloseHandle(handle)
