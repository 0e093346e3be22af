"""Find the longest hold that the code under test survives, by bisection on the virtual clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_fsfault._core.language.rows import Row
from pytest_fsfault._core.language.tokens import duration_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_fsfault._prove.retries import Retry

# Holds are told apart to the millisecond.
_STEPS = 1000


class Run(Row):
    """How one run under a hold ended: whether it survived, whether it met the hold, and what it did about it."""

    survived: bool
    met: bool
    error: BaseException | None = None
    retry: Retry | None = None
    reason: str = ""  # why it did not survive


@dataclass(frozen=True)
class Tolerance:
    """The longest hold that was survived and the shortest that was not, in virtual seconds.

    `fails_at` is None if even the longest one that was tried was survived. `attempts` and `waits` are those
    of the longest survived run, at the file that it tried most often; `error` is how the shortest failing
    one ended, None if it raised nothing but left another tree than without a hold: `reason` says which.
    """

    __module__ = "pytest_fsfault"

    survives: float
    fails_at: float | None
    attempts: int
    waits: tuple[float, ...]
    error: BaseException | None = None
    reason: str = ""

    def __str__(self) -> str:
        tried = f"{self.attempts} attempt{'s' * (self.attempts != 1)}"
        text = f"survives {duration_text(self.survives)} ({tried})"
        if self.fails_at is None:
            return text
        return f"{text}, fails at {duration_text(self.fails_at)}: {self.reason}"


def trials(up_to: float) -> int:
    """Return how many runs `bisect` makes at most."""
    return 1 + max(0, round(up_to * _STEPS) - 1).bit_length()


def bisect(run: Callable[[float], Run], up_to: float) -> Tolerance:
    """Return what `run`, called with the length of a hold in seconds, can stand, up to a length.

    It is called with the longest first; what it survives it is taken to survive for all shorter ones.
    """
    high = round(up_to * _STEPS)
    failing = run(high / _STEPS)
    if failing.survived:
        return _found(high, None, failing, failing)
    low, surviving = 0, Run(survived=True, met=False)
    while high - low > 1:
        middle = (low + high) // 2
        found = run(middle / _STEPS)
        if found.survived:
            low, surviving = middle, found
        else:
            high, failing = middle, found
    return _found(low, high, surviving, failing)


def _found(low: int, high: int | None, surviving: Run, failing: Run) -> Tolerance:
    retry = surviving.retry
    error = failing.error
    return Tolerance(
        low / _STEPS,
        None if high is None else high / _STEPS,
        1 if retry is None else retry.attempts,
        () if retry is None else retry.waits,
        error,
        failing.reason,
    )
