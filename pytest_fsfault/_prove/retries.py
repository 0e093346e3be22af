"""What the code under test did about an error: how often it tried again, and how long it waited."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from itertools import groupby, pairwise
from operator import attrgetter
from typing import TYPE_CHECKING, Literal

from pytest_fsfault._core.engine.journal import members
from pytest_fsfault._core.language.legible import legible
from pytest_fsfault._core.language.mistakes import FsFaultError
from pytest_fsfault._core.language.rows import Row
from pytest_fsfault._core.language.tokens import duration_of
from pytest_fsfault._host.path_globs import read_path_glob
from pytest_fsfault._host.paths import IGNORES_CASE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import PurePath

    from pytest_fsfault._core.clock import Wait
    from pytest_fsfault._core.engine.journal import Entry

# pytest leaves the frames of this module out of tracebacks: they are not the user's.
__tracebackhide__ = True

# More equal waits than these are told as one.
_ALIKE = 4


class Retry(Row):
    """How one file fared that met an error.

    `attempts` counts all calls, the first included. `waits` has the sleep between each attempt and the
    next, in virtual seconds, 0.0 for none; `errors` what the attempts met; `outcome` is ``"ok"`` if the last
    attempt succeeded, ``"failed"`` if not, ``"unknown"`` if its end was not seen.
    """

    operation: str
    path: str
    attempts: int
    waits: tuple[float, ...]
    total_wait: float
    errors: tuple[BaseException, ...]
    outcome: Literal["ok", "failed", "unknown"]


_OUTCOMES: dict[str, Literal["ok", "failed", "unknown"]] = {"ok": "ok", "short": "ok", "passed": "unknown"}


def retries(
    entries: Iterable[Entry],
    waits: Sequence[Wait],
    roots: Sequence[str],
    operation: str | None = None,
    path: str | PurePath | None = None,
    trials: Sequence[int] = (),
    *,
    ignore_case: bool = IGNORES_CASE,
) -> list[Retry]:
    """Group the entries by operation and file; return those groups that met an error, in order.

    Entries of two processes, or of two trials of a sweep, are not attempts of one: `trials` has the index of the
    first entry of each part of the journal. `operation` is an operation or a group, `path` a glob as in a rule, or a `Path` object for one file.
    """
    names = None if operation is None else members(operation)
    glob = read_path_glob("path", path, ignore_case)
    wanted = (
        entry
        for entry in entries
        if (names is None or entry.operation in names) and (glob is None or glob.matches(entry.path, roots))
    )
    met = list(filter(_met_error, _grouped(wanted, trials)))
    slept = _Sleeps(waits if met else ())
    return [_retry(group, slept) for group in met]


def _met_error(group: Iterable[Entry]) -> bool:
    return any(entry.error for entry in group)


def _grouped(entries: Iterable[Entry], trials: Sequence[int]) -> Iterable[list[Entry]]:
    """Return the entries by operation, file, process and trial."""
    groups: dict[tuple[str, str, int, int], list[Entry]] = {}
    for entry in entries:
        key = entry.operation, entry.path, entry.process, bisect_right(trials, entry.index)
        groups.setdefault(key, []).append(entry)
    return groups.values()


def _retry(group: list[Entry], slept: _Sleeps) -> Retry:
    gaps = tuple(slept.between(before, after) for before, after in pairwise(group))
    errors = tuple(entry.error for entry in group if entry.error is not None)
    first, last = group[0], group[-1]
    outcome = _OUTCOMES.get(last.outcome, "failed")
    return Retry(first.operation, first.path, len(group), gaps, math.fsum(gaps), errors, outcome)


class _Sleeps:
    """The waits of each thread in the order of time: threads that contend for a lock make many thousands."""

    def __init__(self, waits: Iterable[Wait]) -> None:
        self._of: dict[tuple[int, int], tuple[list[float], list[float]]] = {}
        for wait in sorted(waits, key=attrgetter("at")):
            began, seconds = self._of.setdefault((wait.thread, wait.process), ([], []))
            began.append(wait.at)
            seconds.append(wait.seconds)

    def between(self, before: Entry, after: Entry) -> float:
        """Return how long the thread of `after` slept between two attempts, in virtual seconds."""
        began, seconds = self._of.get((after.thread, after.process), ([], []))
        return math.fsum(seconds[bisect_left(began, before.at) : bisect_left(began, after.at)])


def assert_retried(
    found: Sequence[Retry], operation: str, attempts: int | None = None, within: str | float | None = None
) -> None:
    """Assert that `operation` met an error and was tried again until it succeeded.

    Args:
        found: what `retries` returned for the operation.
        operation: the operation or group, for the message.
        attempts: how many calls each file took, the first included; any number above one if None.
        within: the most that all waits for one file may add up to: a duration such as "2s", or virtual seconds.

    """
    _check_attempts(attempts)
    most = math.inf if within is None else duration_of("within", within)
    if not found:
        raise AssertionError(f"{operation} met no error, so nothing was retried")
    for retry in found:
        where = f"{retry.operation} {legible(retry.path)}"
        seen = f"{retry.attempts} attempt{'s' * (retry.attempts != 1)}, waits {_listed(retry.waits)}"
        if retry.attempts == 1:
            raise AssertionError(f"{where} was not retried: {_last_error(retry)}")
        if attempts is not None and retry.attempts != attempts:
            raise AssertionError(f"{where} took {seen}; expected {attempts} attempts")
        if retry.outcome == "failed":
            raise AssertionError(f"{where} never succeeded: {seen}; last {_last_error(retry)}")
        if retry.total_wait > most:
            raise AssertionError(f"{where} waited {retry.total_wait:g} s, more than {most:g} s: {seen}")


def assert_not_retried(found: Sequence[Retry], operation: str) -> None:
    """Assert that `operation` met an error and was not tried again: a permanent error needs no patience."""
    if not found:
        raise AssertionError(f"{operation} met no error, so there was nothing to retry")
    for retry in found:
        if retry.attempts > 1:
            raise AssertionError(
                f"{retry.operation} {legible(retry.path)} was retried: {retry.attempts} attempts, "
                f"waits {_listed(retry.waits)}, on {_last_error(retry)}"
            )


def _check_attempts(attempts: object) -> None:
    if attempts is not None and (not isinstance(attempts, int) or attempts < 2):  # noqa: PLR2004
        raise FsFaultError(f"attempts={attempts!r} is not valid; a retry takes 2 or more, the first included")


def _last_error(retry: Retry) -> str:
    error = retry.errors[-1]
    return f"{type(error).__name__}: {error}"


def _listed(waits: Iterable[float]) -> str:
    """Return waits as a list in which many equal ones are one."""
    runs = [(text, len(list(same))) for text, same in groupby(f"{wait:g}" for wait in waits)]
    texts = (f"{count} times {text}" if count > _ALIKE else ", ".join([text] * count) for text, count in runs)
    return f"[{', '.join(texts)}] s"
