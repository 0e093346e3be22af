"""Repeat calls that a signal has broken off while the kernel asked the parent of this process about them.

A call on a local file is never broken off, and Python repeats only those that may be (PEP 475). Under a filter whose
notification the parent has not received yet, any is (seccomp_unotify(2)): a program whose handler returns, of an alarm or of the end
of a child, would meet an error that no other program meets. What was received is broken off no more, so that nothing is
decided twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_fsfault._intercept.calls.wrapper import WRAPPERS

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_fsfault._intercept.calls.wrapper import Wrapper

_SHAPES = frozenset(["path", "two paths"])
_repeated: set[str] = set()


def repeat_broken_calls() -> None:
    """Let the wrappers of functions that change something repeat a call that a signal has broken off."""
    for wrapper in WRAPPERS.values():
        function = wrapper.function
        if (
            function.module == "os"
            and function.shape in _SHAPES
            and "mutate" in wrapper.kind.groups
            and function.function not in _repeated
        ):
            _repeated.add(function.function)
            wrapper.real = _repeating(wrapper, wrapper.real)


def _repeating(wrapper: Wrapper, real: Callable[..., Any]) -> Callable[..., Any]:
    def repeating(*args: Any, **kwargs: Any) -> Any:
        while True:
            try:
                return real(*args, **kwargs)
            except InterruptedError as error:
                trace = error.__traceback__
                if trace is not None and trace.tb_next is not None:
                    raise  # a handler has raised it
            _let_handlers_run()
            if wrapper.event is not None:
                wrapper.state.announced = args[0] if args else None

    return repeating


def _let_handlers_run() -> None:
    """Do nothing: Python runs the handlers of signals when a function begins."""
