"""Raise in the code that forks what a signal handler has raised amid a fork hook: Python would only print it.

Without hooks in Python the handler runs when the fork is done. So what it raises is kept until then, and raised by a
trace function at the next instruction of the frame that has forked. Where that is traced already, by a debugger or a
coverage measurement, its trace function would be unset by this (CPython Python/sysmodule.c, `call_trampoline`): there
Python prints the exception, as it does for all hooks.
"""

from __future__ import annotations

import sys
import threading
from _thread import get_ident
from typing import TYPE_CHECKING

from pytest_fsfault._host.package import PACKAGE, STDLIB

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType
    from typing import Any

_kept: list[BaseException] = []
_hooks: list[object] = []
_before: list[
    Callable[[Any], object]
] = []  # what Python does with an exception that nobody can meet, while we keep it


def keeping(hook: Callable[[], object]) -> Callable[[], None]:
    """Return a hook that keeps what is raised in it.

    What comes before its first line, such as from a signal amid fork(2) itself, Python hands to its `unraisablehook`,
    which is exchanged from the first of these hooks to the last.
    """

    def kept() -> None:
        try:
            _watch()
            hook()
        except BaseException as error:
            if not (_is_main() and _is_of_others(error)):
                raise
            _kept.append(error)

    _hooks.append(kept)
    return kept


def _is_main() -> bool:
    """Return whether this is the thread in which signal handlers run."""
    return get_ident() == threading.main_thread().ident


def _is_of_others(error: BaseException) -> bool:
    """Return whether an error comes from a signal handler: one of our own is none for the code that forks."""
    trace = error.__traceback__
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if not file.startswith((PACKAGE, STDLIB)) or "-packages" in file.removeprefix(PACKAGE):
            return True
        trace = trace.tb_next
    return not isinstance(error, Exception)


def _watch() -> None:
    if not _before and _is_main():
        _before.append(sys.unraisablehook)
        sys.unraisablehook = _keep


def _keep(unraisable: Any) -> None:
    if unraisable.object in _hooks:
        _kept.append(unraisable.exc_value)
    elif _before:
        _before[0](unraisable)


def forget() -> None:
    """Forget it, in the child: signals are their parent's."""
    _kept.clear()
    if _before:
        sys.unraisablehook = _before.pop()


def raise_kept() -> None:
    """Let the frame that has forked meet what was kept; to be called by a hook at the very end of the fork."""
    if not _is_main():
        return
    error = _kept[0] if _kept else None
    forget()
    if error is not None:
        if sys.gettrace() is not None:
            raise error
        _raise_in(sys._getframe(1), error)


_hooks.append(raise_kept)


def _raise_in(frame: FrameType, error: BaseException) -> None:
    before = frame.f_trace, frame.f_trace_opcodes

    def trace(_frame: FrameType, _event: str, _arg: object) -> Any:
        sys.settrace(None)
        frame.f_trace, frame.f_trace_opcodes = before
        raise error

    frame.f_trace, frame.f_trace_opcodes = trace, True
    sys.settrace(_trace_no_other)


def _trace_no_other(_frame: FrameType, _event: str, _arg: object) -> None:
    """Trace no frame that begins before."""
