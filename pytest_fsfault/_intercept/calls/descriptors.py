"""Functions of open descriptors: `read`, `write`, `close`, `sendfile` and their like."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from pytest_fsfault._core.engine.execution import Action
from pytest_fsfault._host.descriptors import is_writable
from pytest_fsfault._intercept.calls.state import resolve
from pytest_fsfault._intercept.calls.wrapper import NOTHING, Wrapper

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_fsfault._intercept.calls.functions import InterceptedFunction

# pytest leaves the frames of this module out of tracebacks: they are not the user's.
__tracebackhide__ = True


class DescriptorWrapper(Wrapper):
    """A function whose first argument, or first two, are open descriptors."""

    __slots__ = ()

    def _template(self, row: InterceptedFunction) -> Callable[..., Any]:
        if row.function in {"close", "fsync", "fdatasync"}:
            return DescriptorWrapper._lone
        return DescriptorWrapper._pair if row.shape == "two descriptors" else DescriptorWrapper._single

    def _lone(self, fd: Any) -> Any:
        if not self.state.live or self._tests is NOTHING or self.tests() is NOTHING:
            return self.real(fd)
        __tracebackhide__ = True
        return self.slow(fd, None, (fd,), {})

    def _single(self, fd: Any, *args: Any, **kwargs: Any) -> Any:
        # Without a rule on this operation there is nothing to find out about the descriptor.
        if not self.state.live:
            return self.real(fd, *args, **kwargs)
        if self._tests is NOTHING or self.tests() is NOTHING:
            if self.event is not None:
                self.state.announced = fd
            return self.real(fd, *args, **kwargs) if args or kwargs else self.real(fd)
        __tracebackhide__ = True
        return self.slow(fd, None, (fd, *args), kwargs)

    def _pair(self, first: Any, second: Any, *args: Any, **kwargs: Any) -> Any:
        if not self.state.live or self.tests() is NOTHING:
            return self.real(first, second, *args, **kwargs)
        given = (first, second, *args)
        # sendfile names the receiver first, copy_file_range the source.
        source, target = (second, first) if self.function == "sendfile" else (first, second)
        __tracebackhide__ = True
        return self.slow(source, target, given, kwargs)

    def slow(self, source: Any, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Find the files behind the descriptors; ask the engines if a rule may concern them."""
        __tracebackhide__ = True
        call = partial(self._perform, args, kwargs)
        path = resolve(source)[0] if isinstance(source, int) else None
        end = resolve(target)[0] if isinstance(target, int) else None
        state = self.state
        if not ((path and state.watched(path)) or (end and state.watched(end))):
            self.note_stray(path or end)
            return call()
        of_path, of_target = self.tests()
        operation = None
        if (of_path and path and of_path(path)) or (of_target and end and of_target(end)):
            told = _DETAILS.get(self.function)
            detail = None if told is None else told(args)
            operation = self.operate(self.kind.groups, path or "", None, end, detail=detail)
        if operation is None:
            self.calls += 1
            self.note(path or end)
            return call()
        short = partial(self._short, args, kwargs) if self.kind.transfers else None
        return self.execute(operation, Action(call, short=short))

    def _perform(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        __tracebackhide__ = True
        self.announce(args[0])
        return self.real(*args, **kwargs)

    def _short(self, args: tuple[Any, ...], kwargs: dict[str, Any], size: int) -> Any:
        """Transfer at most `size` bytes; arguments that do not fit go to the real function as they are."""
        __tracebackhide__ = True
        position = AMOUNTS[self.function]
        with suppress(TypeError, ValueError):
            if position < len(args):
                args = (*args[:position], shortened(args[position], size), *args[position + 1 :])
            elif "count" in kwargs:
                kwargs = {**kwargs, "count": min(kwargs["count"], size)}
        return self.real(*args, **kwargs)


#: What a call says beyond the file that it is about.
_DETAILS: dict[str, Callable[[tuple[Any, ...]], Any]] = {
    "close": lambda args: is_writable(args[0]),
    "fsync": lambda args: is_writable(args[0]),
    "fdatasync": lambda args: is_writable(args[0]),
    "ftruncate": lambda args: args[-1],
}

#: Where a transfer has its amount: a number of bytes, a buffer, or a sequence of buffers.
AMOUNTS = {
    **dict.fromkeys(("read", "pread", "readv", "preadv", "write", "pwrite", "writev", "pwritev"), 1),
    "copy_file_range": 2,
    "sendfile": 3,
}


def shortened(amount: Any, size: int) -> Any:
    if isinstance(amount, int):
        return min(amount, size)
    if not isinstance(amount, (list, tuple)):
        return bytes_of(amount)[:size]
    kept = []
    for buffer in amount:
        kept.append(bytes_of(buffer)[:size])
        size -= len(kept[-1])
    return kept


def bytes_of(buffer: Any) -> memoryview:
    """Return a view of the bytes of a buffer, which may be one of larger items, and empty."""
    view = memoryview(buffer)
    return view.cast("B") if view.nbytes else memoryview(b"")
