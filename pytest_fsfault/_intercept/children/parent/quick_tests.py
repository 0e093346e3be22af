"""What a child gets of the rules, so that it knows by itself which calls none of them concerns."""

from __future__ import annotations

from os import fsdecode
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_fsfault._core.engine.engine import Engine


def records(engines: tuple[Engine, ...]) -> bool:
    """Return whether a child may let a call happen, and tell of it later, that no rule concerns."""
    return any(engine.observing for engine in engines) and not any(
        engine.model is not None or engine.sorts or engine.guard is not None or engine.replay is not None
        for engine in engines
    )


def materials(tests: list[Callable[[str], object]]) -> Any:
    """Return what quick tests are made of: the patterns of those that are patterns, True for any other."""
    found = []
    for test in tests:
        pattern = getattr(test, "__self__", None)
        if not hasattr(pattern, "pattern"):
            return True
        found.append((test.__name__, fsdecode(pattern.pattern), pattern.flags))  # type: ignore[union-attr]
    return tuple(found)
