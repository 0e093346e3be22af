"""Say which trials of a sweep have failed, so that a person can act on it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pytest_fsfault._prove.aims import Shot
    from pytest_fsfault._prove.trial import Trial, Wrong

    #: Returns the line that runs one trial alone, by its ID.
    Again = Callable[[str], str]

# So many failing trials are shown in full; of the others one line each.
_IN_FULL = 10
_MOST = 40


class Failed(NamedTuple):
    """What is told of a failing trial after its tree is gone."""

    id: str
    faults: tuple[str, ...]  # each with its operation, paths and line
    wrong: tuple[Wrong, ...]
    kept: str  # where its tree is

    @staticmethod
    def of(trial: Trial, kept: str) -> Failed:
        """Return what is to be told of a trial."""
        faults = tuple(_described(trial, place) for place in range(len(trial.shots)))
        return Failed(trial.id, faults or ("no fault",), tuple(trial.wrong), kept)


def _described(trial: Trial, place: int) -> str:
    shot = trial.shots[place]
    call = shot.call
    root = str(trial.root)
    entries = [entry for entry in trial.injected if entry.fault == str(shot.fault)]
    # What really met the fault, whose names may differ from those in the first run.
    path, target = (entries[0].path, entries[0].target) if entries and not place else (call.path, call.target)
    to = f" -> {_below(target, root)}" if target is not None else ""
    how = _how(shot)
    return f"{call.operation} {_below(path, root)}{to}: {shot.text}{how}, at {_site(call.call_site)}"


def _how(shot: Shot) -> str:
    times = "" if shot.aim.nth == 1 else f", call {shot.aim.nth} from there"
    return f"{' every time' if shot.persists else ''}{times}"


def _below(path: str, root: str) -> str:
    if path == root:
        return "."
    return path.removeprefix(f"{root}/")


def _site(call_site: str) -> str:
    try:
        relative = os.path.relpath(call_site)
    except ValueError:  # another drive
        return call_site
    return call_site if relative.startswith("..") else relative


def table(failed: Sequence[Failed], count: int, again: Again) -> str:
    """Return the verdict on a sweep of `count` faulted trials."""
    head = f"{len(failed)} of {count} trials failed:"
    return "\n".join([head, *_blocks(failed, again)])


def first_failed(failed: Failed, again: Again) -> str:
    """Return the verdict on a sweep whose first trial, without any fault, has failed."""
    return "\n".join(["the first trial failed, in which no fault acts:", *_blocks([failed], again)])


def _blocks(failed: Sequence[Failed], again: Again) -> Iterator[str]:
    for one in failed[:_IN_FULL]:
        yield ""
        yield f"trial {one.id}: {' | then '.join(one.faults)}"
        for wrong in one.wrong:
            yield f"  {wrong.check}: " + wrong.text.replace("\n", "\n      ")
        if one.kept:
            yield f"  its tree: {one.kept}"
        line = again(one.id)
        if line:
            yield f"  alone: {line}"
    rest = failed[_IN_FULL:]
    if rest:
        yield ""
        for one in rest[:_MOST]:
            first = one.wrong[0]
            yield f"trial {one.id}: {' | then '.join(one.faults)}: {first.check}: {first.text.splitlines()[0]}"
    if len(rest) > _MOST:
        yield f"... and {len(rest) - _MOST} more"
