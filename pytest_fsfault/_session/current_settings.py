"""What holds around a session: under pytest its settings, elsewhere the defaults."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_fsfault._session.options import Ambient

# A pytest that runs inside a test of another pushes its own settings, and takes them away again.
_stack: list[Callable[[], Ambient]] = []


def push(ambient: Callable[[], Ambient]) -> None:
    """Let the settings that `ambient` returns hold for the sessions to come."""
    _stack.append(ambient)


def pop(ambient: Callable[[], Ambient]) -> None:
    """Undo a `surround`."""
    if ambient in _stack:
        _stack.remove(ambient)


def current() -> Callable[[], Ambient] | None:
    """Return the settings that hold now, None outside pytest."""
    return _stack[-1] if _stack else None
