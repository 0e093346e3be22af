"""How many holds a retry policy outlasts, from the instants at which it tries."""

from __future__ import annotations

from bisect import bisect_left
from functools import cache
from itertools import cycle
from random import Random
from typing import TYPE_CHECKING, NamedTuple

from pytest_fsfault._report.policies import instants

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
