"""Arm the faults of one trial: a rule for each, which fires at the call that is meant."""

from __future__ import annotations

from itertools import pairwise
from pathlib import PurePath
from typing import TYPE_CHECKING

from pytest_fsfault._core.language.rules import Rule
from pytest_fsfault._prove.injection_points import PointRule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from pytest_fsfault._prove.injection_points import Injection, RecordedCall, Recorder, Stack


def point_rules(
    chain: Sequence[Injection],
    recorder: Recorder | None,
    wanted: Rule,
    stack: Callable[[], Stack],
    steady: Callable[[RecordedCall], bool] | None,
) -> list[PointRule]:
    """Return a rule for each fault of a chain: the first one is on, each switches the next one on.

    Args:
        chain: the faults, in order.
        recorder: switched on by the last one.
        wanted: only calls that this rule matches are counted.
        stack: returns the lines that are at work.
        steady: tells whether a call has the same path in each run, so that the rule may name it, which is quick;
            None: no rule names a path.

    """
    rules = []
    for number, injection in enumerate(chain):
        named = steady is not None and steady(injection.call)
        path = PurePath(injection.call.path) if named else None
        rule = Rule(injection.point.operation, path=path, fault=injection.fault)
        rules.append(
            PointRule(rule, injection.point, wanted, stack, persists=injection.persists, on=number == 0)
        )
    for one, following in pairwise(rules):
        one.next = following
    rules[-1].recorder = recorder
    return rules


def missed(rules: Iterable[PointRule]) -> bool:
    """Return whether any of these rules has not fired."""
    return any(one.site is None for one in rules)
