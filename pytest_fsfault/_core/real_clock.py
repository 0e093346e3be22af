"""What every clock has: the record of waits, the units of time, and real time as a clock of its own."""

from __future__ import annotations

from _thread import get_ident
from operator import index
from os import getpid
from time import monotonic_ns
from time import sleep as real_sleep
from typing import TYPE_CHECKING

from pytest_fsfault._core.language.mistakes import FsFaultError
from pytest_fsfault._core.language.rows import Row

if TYPE_CHECKING:
    from collections.abc import Callable

# pytest leaves the frames of this module out of tracebacks: they are not the user's.
__tracebackhide__ = True

#: Nanoseconds.
SECOND = 1_000_000_000
# What the real functions take at most: 64 bits of nanoseconds.
_LONGEST = 9_223_372_036


class Wait(Row):
    """One wait that has been sat out: virtual seconds, and the identifiers of the thread and its process."""

    at: float
    seconds: float
    thread: int
    process: int


class Clock:
    """What the two clocks share: the record of waits, and the hooks of the session.

    `operations` tells how many operations were intercepted so far; `raise_if_ended` is called before each
    wait, and raises once the code under test has been ended.
    """

    #: Whether it has to know how many calls may have stamped a file: that of a child asks its parent.
    looks_for_changes = True

    def __init__(self) -> None:
        self.operations: Callable[[], int] = _none
        self.raise_if_ended: Callable[[], object] = _none
        self.epoch: dict[str, int] | None = None  # what the real clocks showed when this one showed 0
        self.waits: list[Wait] = []
        #: By name of a thread: the real nanoseconds for which the clock kept step with a limited wait of its.
        self.kept_step: dict[str, int] = {}

    @property
    def now(self) -> float:
        """Seconds since the start."""
        return self.now_ns() / SECOND

    @property
    def slept(self) -> list[float]:
        """The waits that were sat out, in seconds."""
        return [wait.seconds for wait in self.waits]

    def now_ns(self) -> int:
        """Return the nanoseconds since the start."""
        raise NotImplementedError

    def pause(self, span: int) -> None:
        """Let the calling thread wait for `span` nanoseconds."""
        raise NotImplementedError

    def sleep(self, seconds: float) -> None:
        """Let `seconds` pass.

        Raises:
            FsFaultError: if `seconds` is negative, not a number, or beyond the end of time.

        """
        self.pause(span_of("sleep", seconds))

    def note(self, began: int, span: int) -> None:
        """Record a wait that was sat out."""
        self.waits.append(Wait(began / SECOND, span / SECOND, get_ident(), getpid()))


class RealClock(Clock):
    """Real time since the start, for those who turn virtual time off."""

    def __init__(self) -> None:
        super().__init__()
        self._start = monotonic_ns()

    def now_ns(self) -> int:
        """Return the real nanoseconds since the start."""
        return monotonic_ns() - self._start

    def advance(self, seconds: float) -> None:
        """Wait for `seconds`: real time does not jump.

        Raises:
            FsFaultError: if `seconds` is negative, not a number, or beyond the end of time.

        """
        real_sleep(span_of("advance", seconds) / SECOND)

    def pause(self, span: int) -> None:
        """Wait, and record it."""
        self.raise_if_ended()
        began = self.now_ns()
        real_sleep(span / SECOND)
        self.note(began, span)


def nanoseconds(seconds: object) -> int | None:
    """Return `seconds` in nanoseconds, as `time.sleep` takes them; None for what it refuses."""
    if not isinstance(seconds, float):
        try:
            seconds = index(seconds)  # type: ignore[arg-type]  # that is the question
        except TypeError:
            return None
    if not 0 <= seconds <= _LONGEST:
        return None
    return max(round(seconds * SECOND), 1) if seconds else 0


def span_of(verb: str, seconds: float) -> int:
    """Return `seconds` in nanoseconds, for the method `verb` of a clock.

    Raises:
        FsFaultError: if `seconds` is negative, not a number, or beyond the end of time.

    """
    span = nanoseconds(seconds)
    if span is not None:
        return span
    if not isinstance(seconds, (int, float)) or seconds != seconds:  # noqa: PLR0124  # NaN
        why = "seconds are a number"
    elif seconds < 0:
        why = "the clock never runs backwards"
    else:
        why = "time ends after 292 years"
    raise FsFaultError(
        f"clock.{verb}({seconds!r}) is not valid, since {why}; write seconds from 0 up, "
        f"such as clock.{verb}(0.25)"
    )


def _none() -> int:
    return 0
