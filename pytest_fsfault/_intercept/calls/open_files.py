"""Open files: real buffers and text layers over a raw file whose calls can be refused.

The raw file's methods are put in place only while a rule speaks of `file.*`: without one, what `open`
returns runs at the speed of C. A file that was opened under faults is reached by a rule that comes later.
"""

from __future__ import annotations

import io
import sys
from contextlib import suppress
from functools import partial
from operator import index
from typing import TYPE_CHECKING, Any

from pytest_fsfault._core.engine.execution import execute, tell_winerror
from pytest_fsfault._core.engine.pending import Action
from pytest_fsfault._core.language.operations import Operation
from pytest_fsfault._intercept.calls.arguments import bytes_of
from pytest_fsfault._intercept.calls.file_looks import look_like_c, warn_unclosed
from pytest_fsfault._intercept.calls.functions import FILE_OPERATIONS, InterceptedFunction
from pytest_fsfault._intercept.calls.outside import refuse_outside
from pytest_fsfault._intercept.calls.short_writes import write_by
from pytest_fsfault._intercept.calls.wrapper import Wrapper
from pytest_fsfault._intercept.patching.tracebacks import hide_frames

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_fsfault._core.engine.interfaces import Sessions
    from pytest_fsfault._intercept.calls.state import InterceptState

_Raw = io.FileIO


class FileIO(io.FileIO):
    """The raw file below what `open` returns under faults."""

    _finalizing: bool  # of the class in C
    _path: str = ""
    _engines: tuple[Sessions, ...] = ()
    _bare = False  # handed out without a buffer, so that its own flush is the caller's
    _room, _due = 0, None  # see `short_writes.Buffered`

    def _lost(self) -> bool:
        """Return whether a simulated crash has come over this file: its buffers never reach the disk."""
        return any(engine.ended is not None for engine in self._engines)


def _refusable(flush: Callable[[Any], None]) -> Any:
    """Return the flush of a buffered file that the engines may refuse."""

    def refusable(self: FlushedWriter | FlushedRandom) -> None:
        if _run_flush is None:  # the interpreter ends, and has cleared this module
            flush(self)
            return
        try:
            _run_flush(self, partial(flush, self))
        except BaseException as error:
            hide_frames(error)
            raise

    return refusable


def _last(close: Callable[[Any], None]) -> Any:
    """Return the close of a buffered file: the flush that belongs to it is not an operation of its own."""

    def last(self: FlushedWriter | FlushedRandom) -> None:
        self._closing = True
        try:
            if self._finalizing and warn_unclosed is not None:  # as above
                warn_unclosed(self, 3)
            close(self)
        except BaseException as error:
            if hide_frames is not None:  # as above
                hide_frames(error)
            raise

    return last


class FlushedWriter(io.BufferedWriter):
    """A buffered writer whose flushes can be refused; made only while a rule speaks of them."""

    _closing = False
    _finalizing: bool
    flush = _refusable(io.BufferedWriter.flush)
    close = _last(io.BufferedWriter.close)


class FlushedRandom(io.BufferedRandom):
    """A buffered file for reading and writing whose flushes can be refused."""

    _closing = False
    _finalizing: bool
    flush = _refusable(io.BufferedRandom.flush)
    close = _last(io.BufferedRandom.close)


def _run_flush(file: FlushedWriter | FlushedRandom, flush: Callable[[], None]) -> None:
    raw = file.raw
    if file._closing or not isinstance(raw, FileIO) or raw._lost():
        flush()
    else:
        _CALLS["file.flush"].run(raw, flush)


for _class in (FileIO, FlushedWriter, FlushedRandom):
    look_like_c(_class)


class FileMethod(Wrapper):
    """One operation on open files, such as `file.write`."""

    __slots__ = ()

    def _template(self, function: InterceptedFunction) -> Callable[..., Any]:
        del function
        return FileMethod._no_function

    def _no_function(self) -> None:
        """Stand in: file operations are methods, not functions of a module."""

    @property
    def wanted(self) -> bool:
        """Return whether a rule may concern this operation on any file, or a guard."""
        return self.guarded or self.tests()[0] is not None

    def run(
        self,
        raw: FileIO,
        call: Callable[[], Any],
        short: Callable[[int], Any] | None = None,
        detail: Any = None,
    ) -> Any:
        """Do `call` on the file `raw`, if the engines allow it."""
        state, path = self.state, raw._path
        if not state.live:
            return call()
        if not state.watched(path):
            if self.guarded and path:
                self._refuse_outside(raw)
            return call()
        test = self.tests()[0]
        operation = self.on_file(path, detail) if test is not None and test(path) else None
        if operation is None:
            self.calls += 1
            self.note_path(path)
            return call()
        return execute(state.engines, operation, Action(partial(self._checked, call), short=short))

    def _refuse_outside(self, raw: FileIO) -> None:
        """Refuse to change a file outside the roots: it was open already."""
        if (operation := self.on_file(raw._path, None)) is not None:
            refuse_outside(self.state, operation, raw.fileno())

    def on_file(self, path: str, detail: Any) -> Operation | None:
        """Return the operation on an open file; None if the caller belongs to the machinery."""
        # A look at the code of a frame is an audit event: those of ours, which are four at least, are passed over.
        site = self.state.callers.locate(sys._getframe(3).f_back)
        if site is None:
            return None
        return Operation(self.operation, path, None, self.kind.groups, call_site=site, detail=detail)

    def _checked(self, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except OSError as error:
            tell_winerror(self.state.engines, self.operation, error)
            raise


def _bytes_or_none(data: Any) -> memoryview | None:
    """Return what is written, or where to; None for what the method refuses itself."""
    with suppress(TypeError):
        return bytes_of(data)
    return None


def _write(raw: FileIO, data: Any) -> Any:
    view = _bytes_or_none(data)
    if view is None:
        return _Raw.write(raw, data)
    if raw._lost():
        return len(view)
    return write_by(partial(_CALLS["file.write"].run, raw, partial(_Raw.write, raw, data)), raw, view)


def _readinto(raw: FileIO, buffer: Any) -> Any:
    view = _bytes_or_none(buffer)
    if view is None:
        return _Raw.readinto(raw, buffer)
    return _CALLS["file.read"].run(
        raw, partial(_Raw.readinto, raw, buffer), lambda size: _Raw.readinto(raw, view[:size])
    )


def _read(raw: FileIO, size: int | None = -1, /) -> Any:
    with suppress(TypeError):  # the method says it itself
        size = -1 if size is None else index(size)
    if not isinstance(size, int):
        return _Raw.read(raw, size)
    if size < 0:
        return raw.readall() if _Raw.readable(raw) else _Raw.read(raw)
    return _CALLS["file.read"].run(
        raw, partial(_Raw.read, raw, size), lambda limit: _Raw.read(raw, min(size, limit))
    )


def _readall(raw: FileIO) -> Any:
    # What was cut short is not the end of the file: like the original, go on until nothing comes.
    pieces: list[bytes] = []
    whole = False

    def rest() -> Any:
        nonlocal whole
        whole = True
        return _Raw.readall(raw)

    while not whole:
        piece = _CALLS["file.read"].run(raw, rest, partial(_Raw.read, raw))
        if not piece:
            return b"".join(pieces) if pieces else piece
        pieces.append(piece)
    return b"".join(pieces)


def _truncate(raw: FileIO, size: int | None = None, /) -> Any:
    length = raw.tell() if size is None else size
    if raw._lost():
        return length
    return _CALLS["file.truncate"].run(raw, partial(_Raw.truncate, raw, size), detail=length)


def _flush(raw: FileIO) -> None:
    if raw._bare and not raw._lost():
        _CALLS["file.flush"].run(raw, partial(_Raw.flush, raw))
    else:
        _Raw.flush(raw)


def _close(raw: FileIO) -> None:
    raw._bare = False  # closing flushes; that flush is not the caller's
    if raw._finalizing:
        warn_unclosed(raw, 4)
    if raw.closed or raw._lost():
        _Raw.close(raw)
    else:
        _CALLS["file.close"].run(raw, partial(_Raw.close, raw), detail=_Raw.writable(raw))


_METHODS: dict[str, tuple[str, Callable[..., Any]]] = {
    "write": ("file.write", _write),
    "readinto": ("file.read", _readinto),
    "read": ("file.read", _read),
    "readall": ("file.read", _readall),
    "truncate": ("file.truncate", _truncate),
    "flush": ("file.flush", _flush),
    "close": ("file.close", _close),
}
_CALLS: dict[str, FileMethod] = {}
_NAMES = frozenset(FILE_OPERATIONS)


def _lasting(method: Callable[..., Any], real: Callable[..., Any]) -> Callable[..., Any]:
    """Return a method that works until the very end of the interpreter, which clears this module first."""
    names = globals()

    def lasting(raw: FileIO, *args: Any) -> Any:
        if names.get("_CALLS") is None:
            return len(args[0]) if args and raw._lost() else real(raw, *args)
        try:
            return method(raw, *args)
        except BaseException as error:
            hide_frames(error)
            raise

    return lasting


_LASTING = {name: _lasting(method, getattr(_Raw, name)) for name, (_, method) in _METHODS.items()}


class _State:
    """Whether a rule may concern `file.flush` now, and whether any method is in place."""

    flushes = False
    installed = False


STATE = _State()


def make_file_calls(state: InterceptState) -> None:
    """Make the operations on open files, once per process."""
    for name in FILE_OPERATIONS:
        function = InterceptedFunction("file", name.removeprefix("file."), name, "descriptor")
        _CALLS[name] = FileMethod(state, function, _no_real)


def _no_real() -> None:
    """Stand in for the real function of an operation that is a method."""


def toggle_methods(state: InterceptState, *, crashed: bool) -> None:
    """Put the methods of the raw file in place that a rule may concern, and take the others away.

    After a simulated crash they stay: files of that session may still hold data that must not arrive.
    """
    wanted = _wanted(state)
    if not (wanted or crashed or STATE.installed):
        return
    STATE.installed = crashed or bool(wanted)
    STATE.flushes = "file.flush" in wanted
    if STATE.flushes:  # closing flushes: only our `close` knows that this flush is not the caller's
        wanted.add("file.close")
    _place_methods(wanted, crashed=crashed)


def _wanted(state: InterceptState) -> set[str]:
    """Return the operations on open files that a rule may concern."""
    if state.observes:
        return set(_NAMES)
    asked = state.guarded or state.speaks_of(_NAMES)
    return {name for name, call in _CALLS.items() if call.wanted} if asked else set()


def _place_methods(wanted: set[str], *, crashed: bool) -> None:
    space = vars(FileIO)
    for name, (operation, _) in _METHODS.items():
        if crashed or operation in wanted:
            if name not in space:
                setattr(FileIO, name, _LASTING[name])
        elif name in space:
            delattr(FileIO, name)
