"""How many holds a retry policy outlasts, from the instants at which it tries."""

from __future__ import annotations

from bisect import bisect_left
from contextlib import suppress
from functools import cache
from itertools import cycle
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_fsfault._core.language.errors import windows_error

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_fsfault._windows.holders.scanners import Scanner
    from pytest_fsfault.policies import Policy

# A policy with jitter has a schedule of its own in each run: so many are drawn, and taken in turn.
_SCHEDULES = 256


class Survival(NamedTuple):
    """How many of the holds that were tried a policy survived, and how long it waited at worst, in seconds.

    `worst_wait` is None if it survived none; `retried` says whether it retries the error at all.
    """

    survived: int
    tried: int
    worst_wait: float | None
    retried: bool


class _Endless:
    """A hold that never ends, on a clock of its own that only the policy's waits move."""

    def __init__(self, error: OSError) -> None:
        self._error = error
        self._now = 0.0
        self.instants: list[float] = []

    def fail(self) -> None:
        self.instants.append(self._now)
        raise self._error.with_traceback(None)  # or each try would add to the last one's traceback

    def sleep(self, seconds: float) -> None:
        # Whole nanoseconds: a hundred waits of 10 ms are one second.
        self._now = round(self._now + seconds, 9)

    def stamp(self, state: Any) -> None:
        # After a try and before the decision to stop, which looks at these two.
        state.start_time, state.outcome_timestamp = 0.0, self._now


def instants(policy: Policy, error: int, **options: Any) -> tuple[float, ...]:
    """Return when `policy` tries while all that it gets is the Windows error `error`: seconds, the first is 0.

    The policy itself runs, once, on a clock of its own.
    """
    hold = _Endless(windows_error(error, "new"))
    run = policy.factory(sleep=hold.sleep, **options).copy(after=hold.stamp)
    with suppress(OSError):
        run(hold.fail)
    return tuple(hold.instants)


@cache
def schedules(policy: Policy, error: int, seed: int = 0) -> tuple[tuple[float, ...], ...]:
    """Return the instants at which `policy` tries: of one run, or of many seeded ones if chance plays a part."""
    if not policy.jitter:
        return (instants(policy, error),)
    lucks = (Random(f"{seed}|{policy.name}|{number}") for number in range(_SCHEDULES))  # noqa: S311  # no secret
    return tuple(instants(policy, error, luck=luck.random) for luck in lucks)


def survival(policy: Policy, holds: Iterable[float], *, error: int = 32, seed: int = 0) -> Survival:
    """Return how many of `holds` the policy survives: those at or after whose end it tries once more.

    Args:
        policy: one of `pytest_fsfault.policies.POLICIES`, or one made like them.
        holds: how long each lasts, in seconds from the first try on.
        error: the Windows error that a try meets: 32 for an open file, 5 for a running program or a directory.
        seed: for policies with jitter.

    """
    possible = schedules(policy, error, seed)
    tried, waits = 0, []
    for tried, (hold, schedule) in enumerate(zip(holds, cycle(possible)), 1):  # noqa: B007
        index = bisect_left(schedule, hold)
        if index < len(schedule):
            waits.append(schedule[index])
    return Survival(len(waits), tried, max(waits, default=None), len(possible[0]) > 1)


def draw(scanner: Scanner, count: int, seed: int = 0) -> list[float]:
    """Return `count` holds of a scanner, in seconds; the same for the same seed."""
    luck = Random(f"{seed}|{scanner.name}")  # noqa: S311  # no secret
    return [scanner.hold.draw(luck) for _ in range(count)]
