"""What a child gets of the rules, so that it knows by itself which calls none of them concerns."""

from __future__ import annotations

from os import fsdecode
from typing import TYPE_CHECKING, Any

from pytest_fsfault._core.clock import VirtualClock
from pytest_fsfault._core.language.operations import OPERATIONS

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_fsfault._core.clock import Clock
    from pytest_fsfault._core.engine.engine import Engine


_COMPOSITES = frozenset(name for name, kind in OPERATIONS.items() if kind.composite)


def head(engines: tuple[Engine, ...], clock: Clock | None) -> str:
    """Return what a new interpreter has to know beside the roots: what it must not miss, and when time began.

    ``a``: how all modules of the standard library work that it may import; ``s``: calls of functions of `shutil`;
    ``g``: calls outside the roots.
    """
    wanted = "a" * any(one.model is not None or one.ended is not None or one.sorts for one in engines)
    wanted += "s" * any(one.observing or not _COMPOSITES.isdisjoint(one.plan.names) for one in engines)
    wanted += "g" * any(one.guard is not None for one in engines)
    epoch = clock.epoch if isinstance(clock, VirtualClock) else None
    return f"{wanted}:{'' if epoch is None else epoch['time']}"


def records(engines: tuple[Engine, ...]) -> bool:
    """Return whether a child may let a call happen, and tell of it later, that no rule concerns."""
    return any(engine.observing for engine in engines) and not any(
        engine.model is not None or engine.sorts or engine.guard is not None or engine.replay is not None
        for engine in engines
    )


def allowed(engines: tuple[Engine, ...]) -> tuple[str, ...] | None:
    """Return where a child may change files beside the roots; None if it may do so everywhere."""
    return next((engine.guard.allowed for engine in engines if engine.guard is not None), None)


def materials(tests: list[Callable[[str], object]]) -> Any:
    """Return what quick tests are made of: the patterns of those that are patterns, True for any other."""
    found = []
    for test in tests:
        pattern = getattr(test, "__self__", None)
        if not hasattr(pattern, "pattern"):
            return True
        found.append((test.__name__, fsdecode(pattern.pattern), int(pattern.flags)))  # type: ignore[union-attr]
    return tuple(found)
