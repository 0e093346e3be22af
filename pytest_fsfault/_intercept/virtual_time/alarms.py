"""An alarm that is set (`signal.alarm`, `signal.setitimer`) rings in real time: no jump goes beyond it.

The alarms of the machinery, such as that of pytest-timeout, are not the test's.
"""

from __future__ import annotations

from importlib import import_module
from time import monotonic_ns
from typing import TYPE_CHECKING, Any

from pytest_fsfault._core.activity import LimitedWait
from pytest_fsfault._core.clock import SECOND
from pytest_fsfault._host.package import MACHINERY

if TYPE_CHECKING:
    from collections.abc import Iterator

# The part of `signal` in C, which costs no import.
_signal: Any = import_module("_signal")
_getitimer: Any = getattr(_signal, "getitimer", None)  # Windows has none

#: Nanoseconds by which the end of an alarm may seem to differ from one look to the next: it is told in microseconds.
_BLUR = 100_000
#: Nanoseconds that the main thread has to hear an alarm that has rung.
_TURN = 250_000_000


def alarm_left() -> int | None:
    """Return the real nanoseconds after which the alarm rings; None if none is set, or one of the machinery's."""
    left = _getitimer(_signal.ITIMER_REAL)[0] if _getitimer is not None else 0
    if not left:
        return None
    module = str(getattr(_signal.getsignal(_signal.SIGALRM), "__module__", ""))
    return None if module.partition(".")[0] in MACHINERY else round(left * SECOND)


class Alarm:
    """The alarm of this process, as a limited wait: the same one as long as it rings at the same instant."""

    def __init__(self) -> None:
        self._rings = 0

    def limits(self) -> Iterator[LimitedWait]:
        """Yield the wait for it; one that has just rung is waited for until its handler has had its turn."""
        before = monotonic_ns()
        left = alarm_left()
        if self._rings <= before < self._rings + _TURN:
            yield self._limit(0)
        elif left is not None:
            if not before - _BLUR <= self._rings - left <= monotonic_ns() + _BLUR:
                self._rings = before + left
            yield self._limit(left)

    def _limit(self, left: int) -> LimitedWait:
        return LimitedWait(("alarm", self._rings), left, "the alarm of this process")
