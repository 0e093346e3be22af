r"""Connections by a named pipe, as `transport` has them by a socket: what Windows has for processes of one user.

A pipe is named after the private directory, which is not guessable; since pipes can be listed, a child also says a
token that stands in that directory. Only this user and the system may open it, and no other machine.
Sources: https://learn.microsoft.com/windows/win32/ipc/named-pipes and the pages of the functions; a completion port
reports what has ended, as https://learn.microsoft.com/windows/win32/fileio/i-o-completion-ports says.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from errno import ECONNREFUSED, EIO
from importlib import import_module
from typing import TYPE_CHECKING, Any

from pytest_fsfault._intercept.children.rendezvous import is_of_a_handler, is_of_the_call, read_private
from pytest_fsfault._intercept.children.transport import Closed

if TYPE_CHECKING:
    from pytest_fsfault._intercept.children.transport import Transport

# Of Windows alone; elsewhere this module can be imported, and nothing in it works.
winapi: Any = import_module("_winapi") if sys.platform == "win32" else None
# Known by itself, since at the very end of an interpreter the module is empty.
_CLOSE: Any = getattr(winapi, "CloseHandle", None)

_BUSY, _PENDING = 231, 997  # ERROR_PIPE_BUSY, ERROR_IO_PENDING
_PATIENCE = 1000  # milliseconds to wait for a free instance at a time
_ANONYMOUS = 0x0010_0000  # SECURITY_SQOS_PRESENT: the answering end may not act in the child's name


def pipe_of(directory: str) -> str:
    """Return the name of the pipe that belongs to a private directory."""
    return "\\\\.\\pipe\\" + os.path.basename(directory)


def token_of(directory: str) -> str:
    """Return where the token of a private directory stands."""
    return os.path.join(directory, "token")


def closed(error: OSError) -> BaseException:
    """Return the error of a call of Windows as the end of a connection; as it is, if a signal handler has raised it."""
    return Closed(error.errno or EIO) if is_of_the_call(error) else error


class ChildPipe:
    """The end of a child. Its waits are those of a list of one event, which Ctrl+C interrupts."""

    selectable = False  # `select` takes sockets alone there, and a proactor its own handles

    def __init__(self, handle: int) -> None:
        self.descriptor = handle

    def is_ours(self) -> bool:
        """Return whether it is open; the code under test can close no handle that it does not know."""
        return self.descriptor != 0

    def has_input(self) -> bool:
        """Return whether something has come, or the other end is closed."""
        try:
            return bool(winapi.PeekNamedPipe(self.descriptor)[0])
        except OSError as error:
            if not is_of_the_call(error):
                raise
            return True

    def send(self, data: bytes) -> int:
        """Send all of `data`."""
        self.sendall(data)
        return len(data)

    def sendall(self, data: bytes) -> None:
        """Send all of `data`."""
        try:
            begun = winapi.WriteFile(self.descriptor, data, overlapped=True)
        except OSError as error:
            raise closed(error) from None
        self._finish(*begun)

    def recv(self, size: int) -> bytes:
        """Return what has come, at most `size` bytes; nothing if the other end is closed."""
        try:
            begun = winapi.ReadFile(self.descriptor, size, overlapped=True)
        except OSError as error:
            raise closed(error) from None
        self._finish(*begun)
        return bytes(begun[0].getbuffer())

    def _finish(self, operation: Any, code: int) -> None:
        try:
            if code == _PENDING:
                _wait(operation.event)
            operation.GetOverlappedResult(True)
        except BaseException as error:
            if isinstance(error, OSError) and is_of_the_call(error):
                raise closed(error) from None
            operation.cancel()
            with suppress(OSError):  # the system writes into it until it has ended
                operation.GetOverlappedResult(True)
            raise

    def sever(self) -> None:
        """Do nothing: no process is forked on Windows."""

    def close(self, _close: Any = _CLOSE) -> None:
        """End the connection."""
        handle, self.descriptor = self.descriptor, 0
        if handle:
            _close(handle)

    def __del__(self) -> None:
        # Its thread has ended, or the interpreter does: no warning is needed.
        with suppress(BaseException):
            self.close()


def _wait(event: int) -> None:
    try:
        winapi.WaitForMultipleObjects([event], False, winapi.INFINITE)
    except OSError as error:
        # Of the main thread's wait the event that Ctrl+C sets is a part, which is closed at the interpreter's end
        # (CPython, Modules/_winapi.c and `_PySignal_Fini`): who asks for the result then waits without it.
        if not is_of_the_call(error):
            raise


def connect(directory: str) -> Transport:
    """Connect to the process that answers in a private directory.

    Raises:
        Closed: if there is no answer.

    """
    try:
        token = read_private(token_of(directory))
    except (OSError, ValueError) as error:
        if is_of_a_handler(error):
            raise
        raise Closed(ECONNREFUSED) from None
    pipe = ChildPipe(_open(pipe_of(directory)))
    pipe.sendall(token)
    return pipe


def _open(name: str) -> int:
    access, flags = winapi.GENERIC_READ | winapi.GENERIC_WRITE, winapi.FILE_FLAG_OVERLAPPED | _ANONYMOUS
    while True:
        try:
            return int(winapi.CreateFile(name, access, 0, 0, winapi.OPEN_EXISTING, flags, 0))
        except OSError as error:
            if not is_of_the_call(error):
                raise
            if getattr(error, "winerror", None) != _BUSY:
                raise Closed(ECONNREFUSED) from None
        try:
            winapi.WaitNamedPipe(name, _PATIENCE)
        except OSError as error:
            if not is_of_the_call(error):
                raise
