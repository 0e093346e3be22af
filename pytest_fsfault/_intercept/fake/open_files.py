"""Open files of a fake: what reaches them, and what is read from them, can be refused.

pyfakefs keeps what was written in a buffer of its own until it is flushed, closed, or too much: the data arrive then,
which is one `file.write`. A call that reads is one `file.read`, whatever it returns.
"""

from __future__ import annotations

import sys
from functools import partial, wraps
from operator import index
from typing import TYPE_CHECKING, Any
from weakref import ReferenceType

from pytest_fsfault._core.language.operations import Operation
from pytest_fsfault._intercept.calls.functions import InterceptedFunction
from pytest_fsfault._intercept.fake.buffers import drop, pending_of
from pytest_fsfault._intercept.fake.calls import FakeCall
from pytest_fsfault._intercept.patching.tracebacks import hidden

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_fsfault._intercept.fake.filesystem import FakeFileSystem

# What starts like a call that reads, and is none.
_ASKING = frozenset({"readable"})
_WHOLE = frozenset({"readline", "readlines"})


class FakeFileMethod(FakeCall):
    """One operation on open files, such as `file.write`."""

    def __init__(self, fake: FakeFileSystem, name: str) -> None:
        super().__init__(fake, InterceptedFunction("file", name, f"file.{name}", "descriptor"), print)

    def on(
        self,
        file: Any,
        call: Callable[[], Any],
        short: Callable[[int], Any] | None = None,
        *,
        detail: Any = None,
        nested: bool = False,
    ) -> Any:
        """Do `call` on an open file, if the engines allow it."""
        path = None if file.filedes is None else self.fake.path_of(file.filedes)
        if path is None:
            return call()
        asked = Operation(self.operation, path, None, self.kind.groups, detail=detail)
        return self.decide(asked, call, None, short, nested=nested, descriptor=file.filedes)


class Files:
    """The methods of pyfakefs's open files, as they stand while its file system is in force."""

    def __init__(self, fake: FakeFileSystem, wrapper: Any) -> None:
        self._fake = fake
        self._wrapper = wrapper
        self._calls = {
            name: FakeFileMethod(fake, name) for name in ("read", "write", "flush", "truncate", "close")
        }

    def methods(self) -> Iterator[tuple[str, Callable[..., Any]]]:
        """Yield the names of methods with what takes their place."""
        makers = {
            "flush": self._flush,
            "close": self._close,
            "__getattr__": self._attribute,
            "__iter__": self._iteration,
            "__next__": self._iteration,
            "_truncate_wrapper": self._truncation,
        }
        for name, maker in makers.items():
            real = vars(self._wrapper).get(name)
            if real is not None:
                yield name, maker(real)

    def _concerns(self, file: Any) -> bool:
        filesystem = vars(file).get("_filesystem")
        if type(filesystem) is ReferenceType:  # as from pyfakefs 6.1 on
            filesystem = filesystem()
        return not file.is_stream and self._fake.watches(filesystem)

    # Data that arrive.

    def _flush(self, real: Callable[..., None]) -> Callable[..., None]:
        @wraps(real)
        @hidden
        def flush(file: Any) -> None:
            if not self._concerns(file):
                real(file)
                return
            # pyfakefs flushes at many calls by itself.
            own = str(sys._getframe(2).f_globals.get("__name__")).startswith("pyfakefs.fake_")
            arrive = partial(self._arrive, file, partial(real, file))
            if own or self._lost(file):
                arrive()
            else:
                self._calls["flush"].on(file, arrive, nested=True)

        return flush

    def _arrive(self, file: Any, real: Callable[[], None]) -> None:
        """Let what was written reach the file, in as many pieces as the engines make of it."""
        if self._lost(file):
            drop(file)
            return
        while (pending := pending_of(file)) is not None:
            whole: list[None] = []
            self._calls["write"].on(file, partial(_note, whole, real), partial(_transfer, file, *pending))
            if whole:
                return
        real()

    def _lost(self, file: Any) -> bool:
        """Return whether a simulated crash has come over this file: its buffer never reaches the disk."""
        path = self._fake.path_of(file.filedes) if file.filedes is not None else None
        asked = Operation("file.write", path or "")
        return any(engine.ended is not None and engine.covers(asked) for engine in self._fake.state.engines)

    def _close(self, real: Callable[..., None]) -> Callable[..., None]:
        @wraps(real)
        @hidden
        def close(file: Any) -> None:
            if not self._concerns(file) or file.closed:
                real(file)
                return
            own: list[None] = []
            try:
                if not file.raw_io:
                    self._arrive(file, partial(_flush, own, file))
            except BaseException:
                if not own:
                    # As in CPython: the descriptor is given back all the same.
                    drop(file)
                    self._calls["close"].on(file, partial(real, file), detail=True)
                    raise
            self._calls["close"].on(file, partial(real, file), detail=bool(file.allow_update))

        return close

    # Reading.

    def _attribute(self, real: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(real)
        def __getattr__(file: Any, name: str) -> Any:  # noqa: N807
            found = real(file, name)
            reads = name.startswith("read") and name not in _ASKING and callable(found)
            if not reads or not file.readable() or not self._concerns(file):
                return found
            return partial(hidden(self._read), file, name, found)

        return __getattr__

    def _read(self, file: Any, name: str, real: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        whole = partial(real, *args, **kwargs)
        if name in _WHOLE or kwargs:
            # What comes short is asked for again, by the buffer.
            return self._calls["read"].on(file, whole, lambda _size: whole())
        if name.startswith("readinto"):
            view = memoryview(args[0]).cast("B")
            return self._calls["read"].on(file, whole, lambda size: real(view[:size]))
        return self._pieces(file, real, args)

    def _pieces(self, file: Any, real: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        """Read until there is enough, as a buffer does that gets less than it asked for."""
        try:
            wanted = _asked_size(args)
        except TypeError:
            return real(*args)
        found: list[Any] = []
        while True:
            rest = wanted if wanted < 0 else wanted - sum(map(len, found))
            cut: list[bool] = []

            def some(size: int, rest: int = rest, cut: list[bool] = cut) -> Any:
                cut.append(True)
                return real(size if rest < 0 else min(size, rest))

            piece = self._calls["read"].on(file, partial(real, rest), some)
            found.append(piece)
            bare = file._buffer_size == 0 and args
            if not cut or bare or not piece or 0 <= wanted <= sum(map(len, found)):
                return found[0] if len(found) == 1 else piece[:0].join(found)

    def _iteration(self, real: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(real)
        @hidden
        def iterate(file: Any) -> Any:
            if not self._concerns(file) or not file.readable():
                return real(file)
            whole = partial(real, file)
            return self._calls["read"].on(file, whole, lambda _size: whole())

        return iterate

    def _truncation(self, real: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(real)
        def _truncate_wrapper(file: Any) -> Any:
            cut = real(file)
            return partial(hidden(self._truncate), file, cut) if self._concerns(file) else cut

        return _truncate_wrapper

    def _truncate(self, file: Any, real: Callable[..., Any], *args: Any) -> Any:
        if self._lost(file):
            return args[0] if args and args[0] is not None else file.tell()
        length = args[0] if args and args[0] is not None else file.tell()
        return self._calls["truncate"].on(file, partial(real, *args), detail=length)


def _note(whole: list[None], real: Callable[[], None]) -> None:
    real()
    whole.append(None)


def _flush(own: list[None], file: Any) -> None:
    """Flush as pyfakefs does; what it says against it is noted as its own word."""
    found = type(file).flush
    own.append(None)
    getattr(found, "__wrapped__", found)(file)
    own.clear()


def _transfer(file: Any, there: bytes, new: bytes, size: int) -> int:
    """Let no more than `size` bytes of what is new arrive."""
    pairs = enumerate(zip(there, new, strict=False))
    start = next((fake for fake, (one, other) in pairs if one != other), min(len(there), len(new)))
    content = new[: start + size] + there[start + size :]
    position = file._io.tell()
    file.file_object.set_contents(content, file._encoding)
    file._file_epoch = file.file_object.epoch
    if file.open_modes.append:
        file._flush_pos += size
    else:
        file._io.seek(position)
    return size


def _asked_size(args: tuple[Any, ...]) -> int:
    """Return how much a call of `read` asks for; -1 for all. TypeError is raised for anything but a number."""
    given = args[0] if args else None
    return -1 if given is None else index(given)
