"""Read what a sweep is asked to do, and raise FsFaultError for invalid arguments."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from pytest_fsfault._core.language.faults import Fault
from pytest_fsfault._core.language.mistakes import FsFaultError, nearest
from pytest_fsfault._core.language.rows import Row
from pytest_fsfault._core.language.rules import Rule

# pytest leaves the frames of this module out of tracebacks: they are not the user's.
__tracebackhide__ = True

FAULTS = ("ERROR_ACCESS_DENIED", "ERROR_SHARING_VIOLATION")
DISTINCT = ("call stack", "call site", "position")
_DEEPEST = 3
_SHARD = re.compile(r"([0-9]{1,6})/([0-9]{1,6})")
_ID = re.compile(r"[0-9]+(?:\.[0-9]+)*")


class SweepOptions(Row):
    """What a sweep is to try, checked.

    `rule` stands for the operations; `shard` is the share to run and the number of shares.
    """

    rule: Rule
    faults: tuple[tuple[str, Fault], ...]
    distinct: Any = "call stack"
    persist: tuple[bool, ...] = (False, True)
    depth: int = 1
    limit: int | None = None
    shard: tuple[int, int] = (1, 1)
    expect: tuple[type[BaseException], ...] = ()


def sweep_options(
    *,
    faults: object,
    operations: object,
    distinct: object,
    persist: object,
    depth: object,
    limit: object,
    shard: object,
    expect: object,
) -> SweepOptions:
    """Return what a sweep was asked for; raise FsFaultError for invalid arguments."""
    return SweepOptions(
        _operations(operations),
        _faults(faults),
        _distinct(distinct),
        _persist(persist),
        _whole("depth", depth, f"1 (one fault) to {_DEEPEST}", most=_DEEPEST),
        None if limit is None else _whole("limit", limit, "a number of trials from 1 up"),
        (1, 1) if shard is None else _shard(shard),
        _expect(expect),
    )


def _operations(operations: Any) -> Rule:
    # Only the operations of this rule matter: it stands in for those that a trial will arm.
    return Rule(operations, fault="delay 0ms")


def _faults(faults: object) -> tuple[tuple[str, Fault], ...]:
    if isinstance(faults, (str, Fault)):
        raise FsFaultError(f"faults={faults!r} is a single fault; write faults=({str(faults)!r},)")
    if not isinstance(faults, Iterable):
        raise FsFaultError(f"faults={faults!r} is not a list of faults; write faults=({FAULTS[0]!r},)")
    parsed = [one if isinstance(one, Fault) else Fault.parse(one) for one in faults]
    if not parsed:
        raise FsFaultError(f"faults={faults!r} injects nothing; write one at least, such as {FAULTS[0]!r}")
    return tuple({str(one): one for one in parsed}.items())


def _distinct(distinct: object) -> object:
    if distinct in DISTINCT:
        return distinct
    hint = nearest(distinct, DISTINCT) if isinstance(distinct, str) else ""
    raise FsFaultError(
        f"distinct={distinct!r} is not known; write 'call stack', 'call site' or 'position'{hint}"
    )


def _persist(persist: Any) -> tuple[bool, ...]:
    if isinstance(persist, bool):
        return (persist,)
    if isinstance(persist, (tuple, list)) and persist and all(isinstance(one, bool) for one in persist):
        return tuple(dict.fromkeys(persist))
    raise FsFaultError(
        f"persist={persist!r} is not valid; write (False, True), (False,) for faults that happen once, or (True,)"
    )


def _whole(name: str, value: Any, expected: str, most: int | None = None) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 1 and (not most or value <= most):
        return value
    raise FsFaultError(f"{name}={value!r} is not valid; write {expected}")


def _shard(shard: object) -> tuple[int, int]:
    found = _SHARD.fullmatch(shard) if isinstance(shard, str) else None
    if found is None:
        raise FsFaultError(
            f"shard={shard!r} is not valid; write a share and the number of shares, such as '1/4'"
        )
    share, shares = int(found[1]), int(found[2])
    if not 1 <= share <= shares:
        last = max(shares, 1)
        raise FsFaultError(f"shard={shard!r} is not valid; write '1/{last}' to '{last}/{last}'")
    return share, shares


def _expect(expect: Any) -> tuple[type[BaseException], ...]:
    kinds = (expect,) if isinstance(expect, type) else expect
    if isinstance(kinds, (tuple, list)) and all(
        isinstance(kind, type) and issubclass(kind, BaseException) for kind in kinds
    ):
        return tuple(kinds)
    raise FsFaultError(f"expect={expect!r} is not a tuple of exceptions; write expect=(InstallationError,)")


def trial_numbers(text: str) -> tuple[int, ...]:
    """Return the numbers in the ID of a trial, such as 7 and 2 in ``"7.2"``."""
    if not isinstance(text, str) or not _ID.fullmatch(text):
        raise FsFaultError(
            f"{text!r} is not the ID of a trial; write one as the sweep prints it, such as '7'"
        )
    return tuple(int(part) for part in text.split("."))
