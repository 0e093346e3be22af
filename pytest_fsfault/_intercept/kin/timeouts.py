"""Measure by the virtual clock how long somebody waits for kin: their time is virtual, and so is his."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_fsfault._core.clock import nanoseconds

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_fsfault._core.clock import VirtualClock


class Timed(NamedTuple):
    """A function with a timeout: the names of its arguments, and those that hold for its first call alone."""

    names: tuple[str, ...]
    once: tuple[str, ...] = ()

    def bind(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        """Return all arguments by name."""
        return {**dict(zip(self.names, args, strict=False)), **kwargs}


class _Look:
    """Make the same call with a timeout of a moment, again and again, until it has an answer."""

    def __init__(self, real: Callable[..., Any], timed: Timed, given: dict[str, Any]) -> None:
        self._real = real
        self._timed = timed
        self._given = given
        self._first = next(iter(timed.names))
        self.expired: Any = None
        self.answer: Any = None

    def __call__(self, pause: float | None) -> bool:
        """Return whether there is an answer within so many real seconds."""
        given = {**self._given, "timeout": pause}
        first = given.pop(self._first)
        for name in self._timed.once:
            self._given.pop(name, None)
        expired = getattr(sys.modules.get("subprocess"), "TimeoutExpired", ())
        try:
            self.answer = self._real(first, **given)
        except expired as error:
            self.expired = error
            return False
        # A process that has ended answers with its code, which may be 0.
        return bool(self.answer) or bool(expired and self._timed in PROCESSES)


#: `Popen.wait` and `Popen.communicate`, which raise when the time is over.
PROCESSES = (Timed(("self", "timeout")), Timed(("self", "input", "timeout"), once=("input",)))


def by_clock(
    clock: VirtualClock, real: Callable[..., Any], timed: Timed, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """Return what `real` returns; its timeout is over when the virtual clock says so."""
    given = timed.bind(args, kwargs)
    timeout = given.get("timeout")
    span = nanoseconds(timeout)
    if span is None:
        return clock.outside(lambda: real(*args, **kwargs))
    clock.raise_if_ended()
    look = _Look(real, timed, given)
    if not clock.watch(clock.waiter(span), look) and look.expired is not None:
        look.expired.timeout = timeout
        raise look.expired
    return look.answer
