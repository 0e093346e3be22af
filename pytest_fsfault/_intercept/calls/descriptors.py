"""Functions of open descriptors: `read`, `write`, `close`, `sendfile` and their like."""

from __future__ import annotations

import errno
from functools import wraps
from typing import TYPE_CHECKING, Any

from pytest_fsfault._core.engine.status import EMPTY_TRANSFERS
from pytest_fsfault._host.descriptors import path_of_descriptor
from pytest_fsfault._host.originals import ORIGINALS
from pytest_fsfault._intercept.calls.arguments import ends_of
from pytest_fsfault._intercept.calls.paths import REAL_PATHS
from pytest_fsfault._intercept.calls.wrapper import NOTHING, Wrapper
from pytest_fsfault._intercept.patching.tracebacks import hide_frames
from pytest_fsfault._intercept.virtual_time.file_stamps import shown

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_fsfault._intercept.calls.functions import InterceptedFunction
    from pytest_fsfault._intercept.calls.state import InterceptState


class DescriptorWrapper(Wrapper):
    """A function whose first argument, or first two, are open descriptors."""

    __slots__ = ()

    def _template(self, function: InterceptedFunction) -> Callable[..., Any]:
        if function.function in {"close", "fsync", "fdatasync"}:
            return DescriptorWrapper._lone
        if function.function in EMPTY_TRANSFERS:
            return DescriptorWrapper._transfer
        return DescriptorWrapper._pair if function.shape == "two descriptors" else DescriptorWrapper._single

    # Without a rule on the operation, and without a guard, there is nothing to find out about a descriptor.
    def _lone(self, fd: Any) -> Any:
        if not self.state.live or self._tests is NOTHING or self.tests() is NOTHING:
            return self.real(fd)
        try:
            return self.slow((fd,), {})
        except BaseException as error:
            hide_frames(error)
            raise

    def _single(self, fd: Any, *args: Any, **kwargs: Any) -> Any:
        if not self.state.live:
            return self.real(fd, *args, **kwargs)
        if (self._tests is NOTHING or self.tests() is NOTHING) and not self.guarded:
            if self.event is not None:
                self.state.announced = fd
            return self.real(fd, *args, **kwargs) if args or kwargs else self.real(fd)
        try:
            return self.slow((fd, *args), kwargs)
        except BaseException as error:
            hide_frames(error)
            raise

    # A transfer has no event.
    def _transfer(self, fd: Any, *args: Any, **kwargs: Any) -> Any:
        if not self.state.live:
            return self.real(fd, *args, **kwargs)
        if (self._tests is NOTHING or self.tests() is NOTHING) and not self.guarded:
            try:
                return self.real(fd, *args, **kwargs)
            except OSError as error:
                if (answer := self.answer_to_nothing(error, (fd, *args))) is None:
                    raise
                return answer
        try:
            return self.slow((fd, *args), kwargs)
        except BaseException as error:
            hide_frames(error)
            raise

    def _pair(self, first: Any, second: Any, *args: Any, **kwargs: Any) -> Any:
        if not self.state.live or (self.tests() is NOTHING and not self.guarded):
            return self.real(first, second, *args, **kwargs)
        try:
            return self.slow((first, second, *args), kwargs)
        except BaseException as error:
            hide_frames(error)
            raise

    def direct(self, args: tuple[Any, ...], kwargs: dict[str, Any], watched: bool = True) -> Any:
        """Make the real call, in a way that leaves the hot path aside."""
        try:
            return super().direct(args, kwargs, watched)
        except OSError as error:
            if (answer := self.answer_to_nothing(error, args)) is None:
                raise
            return answer

    def answer_to_nothing(self, error: OSError, args: tuple[Any, ...]) -> bytes | int | None:
        """Return what Windows answers to a transfer of nothing that the host refuses: the descriptor has no right to it.

        None for any other call, and where no model shows Windows.
        """
        answer = EMPTY_TRANSFERS.get(self.function.function)
        if answer is None or self.state.show is None or error.errno != errno.EBADF:
            return None
        amount = args[1]
        if (amount if isinstance(amount, int) else memoryview(amount).nbytes) != 0:
            return None
        path = path_of_descriptor(args[0])  # None if it is not open at all
        return answer if path and self.state.watched(path) else None

    # Hot: the whole way of a call that a rule may concern, in one function.
    def slow(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Find the files behind the descriptors; ask the engines if a rule may concern them."""
        state = self.state
        ends = ends_of(self.function, args, kwargs, REAL_PATHS)
        if self.guarded and ends is not None:
            changed = ends.target if self.kind.two_paths else ends.path
            if changed and not state.watched(changed):
                self.refuse_outside(ends, args, kwargs)
        if ends is None:
            return self.direct(args, kwargs, watched=False)
        path, _, target, _ = ends
        if not ((path and state.watched(path)) or (target and state.watched(target))):
            self.note_outside(path or target)
            return self.direct(args, kwargs, watched=False)
        of_path, of_target = self.tests()
        operation = None
        if (of_path and path and of_path(path)) or (of_target and target and of_target(target)):
            operation = self.describe(ends, args, kwargs)
        if operation is None:
            self.calls += 1
            self.note_path(path or target)
            return self.direct(args, kwargs, watched=False)
        return self.execute(operation, args, kwargs)


def status_of_descriptor(state: InterceptState) -> Callable[[int], Any]:
    """Return `os.fstat` for while a model shows what it returns: it is not an operation, so that no rule meets it."""
    real = ORIGINALS["os", "fstat"]

    @wraps(real)
    def fstat(fd: Any) -> Any:
        found, show = shown(real(fd)), state.show
        if show is None or not state.live:
            return found
        path = path_of_descriptor(fd)
        return show(found, None) if path and state.watched(path) else found

    return fstat
