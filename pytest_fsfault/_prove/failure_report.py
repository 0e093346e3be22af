"""Say which trials of a sweep have failed, so that a person can act on it."""

from __future__ import annotations

import os
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pytest_fsfault._prove.injection_points import Injection
    from pytest_fsfault._prove.outcomes import TrialRecord, Wrong

    #: Returns the line that runs one trial alone, by its ID.
    RerunCommand = Callable[[str], str]

# So many findings are shown in full; of the trials that have others one line each.
_IN_FULL = 10
_MOST = 40


class FailedTrial(NamedTuple):
    """What is told of a failing trial after its tree is gone."""

    id: str
    calls: tuple[tuple[str, str], ...]  # the operation and path of each that met a fault
    faults: tuple[str, ...]  # each with its operation, paths and line
    wrong: tuple[Wrong, ...]
    kept: str  # where its tree is

    @staticmethod
    def of(trial: TrialRecord, root: str, kept: str) -> FailedTrial:
        """Return what is to be told of a trial."""
        faults = tuple(_described(trial, root, place) for place in range(len(trial.injections)))
        calls = tuple((injection.call.operation, injection.call.path) for injection in trial.injections)
        return FailedTrial(trial.id, calls, faults or ("no fault",), tuple(trial.wrong), kept)


def _described(trial: TrialRecord, root: str, place: int) -> str:
    injection = trial.injections[place]
    call = injection.call
    entries = [entry for entry in trial.outcome.injected if entry.fault == str(injection.fault)]
    # What really met the fault, whose names may differ from those in the first run.
    path, target = (entries[0].path, entries[0].target) if entries and not place else (call.path, call.target)
    to = f" -> {_below(target, root)}" if target is not None else ""
    how = " every time" if injection.persists else ""
    return f"{call.operation} {_below(path, root)}{to}: {injection.text}{how}, at {_line(injection)}"


def _line(injection: Injection) -> str:
    which = "" if injection.point.nth == 1 else f" (call {injection.point.nth} of that line)"
    return _site(injection.call.call_site) + which


def _below(path: str, root: str) -> str:
    if path == root:
        return "."
    return path.removeprefix(f"{root}/")


def _site(call_site: str) -> str:
    try:
        relative = os.path.relpath(call_site)
    except ValueError:  # another drive
        return call_site
    return call_site if relative.startswith("..") else relative.replace(os.sep, "/")


def table(failed: Sequence[FailedTrial], count: int, rerun: RerunCommand) -> str:
    """Return the verdict on a sweep of `count` faulted trials."""
    head = f"{len(failed)} of {count} trials failed:"
    return "\n".join([head, *_blocks(failed, rerun)])


def first_failed(failed: FailedTrial, rerun: RerunCommand) -> str:
    """Return the verdict on a sweep whose first trial, without any fault, has failed."""
    return "\n".join(["the first trial failed, in which no fault acts:", *_blocks([failed], rerun)])


def _blocks(failed: Sequence[FailedTrial], rerun: RerunCommand) -> Iterator[str]:
    # What one call meets differs in the fault alone, and mostly not in what is wrong then.
    alike = [list(group) for _, group in groupby(failed, key=_likeness)]
    for group in alike[:_IN_FULL]:
        yield ""
        yield from map(_head, group)
        for wrong in group[0].wrong:
            yield f"  {wrong.check}: " + wrong.text.replace("\n", "\n      ")
        if group[0].kept:
            yield f"  its tree: {group[0].kept}"
        line = rerun(group[0].id)
        if line:
            yield f"  alone: {line}"
    rest = [one for group in alike[_IN_FULL:] for one in group]
    if rest:
        yield ""
        for one in rest[:_MOST]:
            yield f"{_head(one)}: {one.wrong[0].check}: {one.wrong[0].text.splitlines()[0]}"
    if len(rest) > _MOST:
        yield f"... and {len(rest) - _MOST} more"


def _head(one: FailedTrial) -> str:
    return f"trial {one.id}: {' | then '.join(one.faults)}"


def _likeness(one: FailedTrial) -> tuple[object, ...]:
    return one.calls, one.wrong
