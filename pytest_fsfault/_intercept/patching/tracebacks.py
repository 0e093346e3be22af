"""Leave tracebacks as they would be if nothing stood between a caller and the function that it calls."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from pytest_fsfault._host.package import BETWEEN

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

_P = ParamSpec("_P")
_R = TypeVar("_R")


def hide_frames(error: BaseException) -> None:
    """Take the frames of this package out of an error's traceback.

    To be followed by a bare ``raise`` in the outermost of these frames: unlike ``raise error`` it does not enter
    that frame anew (CPython Python/ceval.c, `do_raise` with no operand, and `exception_unwind`). What then prints
    the traceback shows the caller's line, as for a function in C.
    """
    trace = _beyond(error.__traceback__)
    error.__traceback__ = trace
    while trace is not None:
        after = _beyond(trace.tb_next)
        if after is not trace.tb_next:
            trace.tb_next = after
        trace = after


def hidden(call: Callable[_P, _R]) -> Callable[_P, _R]:
    """Return a function whose errors do not show that it stands in between; it costs a frame more."""

    @wraps(call)
    def outermost(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        try:
            return call(*args, **kwargs)
        except BaseException as error:
            hide_frames(error)
            raise

    return outermost


def _beyond(trace: TracebackType | None) -> TracebackType | None:
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith(BETWEEN):
        trace = trace.tb_next
    return trace
