"""The settings around the sessions to come, as a stack: a pytest that runs inside a test of another pushes its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_fsfault._session.ambient import Ambient

_stack: list[Callable[[], Ambient]] = []


def push(ambient: Callable[[], Ambient]) -> None:
    """Let the settings that `ambient` returns hold from now on."""
    _stack.append(ambient)


def pop(ambient: Callable[[], Ambient]) -> None:
    """Undo a `push`."""
    if ambient in _stack:
        _stack.remove(ambient)


def current() -> Callable[[], Ambient] | None:
    """Return the settings that hold now, None outside pytest."""
    return _stack[-1] if _stack else None
