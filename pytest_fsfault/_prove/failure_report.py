"""Say which trials of a sweep have failed, so that a person can act on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_fsfault._core.language.legible import legible, legible_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from pytest_fsfault._prove.trial_results import InjectedCall, TrialResult

    #: Returns the line that runs one trial alone, by its ID.
    RerunCommand = Callable[[str], str]

# So many findings are shown in full; of the trials that have others one line each.
_IN_FULL = 10
_MOST = 40
# So many trials that failed alike are named.
_ALIKE = 12
NOTHING_CHECKED = (
    "the sweep checked nothing: call trial.check_atomic(), or another check, after the block of each trial"
)


def table(failed: Sequence[TrialResult], count: int, rerun: RerunCommand) -> str:
    """Return the verdict on a sweep of `count` faulted trials."""
    what = "trial" if count == 1 else "trials"
    return "\n".join([f"{len(failed)} of {count} {what} failed", *_blocks(failed, rerun)])


def first_failed(failed: TrialResult, rerun: RerunCommand) -> str:
    """Return the verdict on a sweep whose first trial, without any fault, has failed."""
    return "\n".join(["the first trial failed, in which no fault acts:", *_blocks([failed], rerun)])


def tree_untouched(operations: Iterable[str], strays: str) -> str:
    """Return the verdict on a body without any call below the directory; `strays` says where they went."""
    return (
        f"the body never touched the tree: no call of {', '.join(operations)} below the directory that "
        f"`with trial as root` gives{legible(strays)}"
    )


def too_many(ceiling: int) -> str:
    """Return why a sweep is not run that would have more trials than `ceiling`."""
    return (
        f"the sweep would have more than {ceiling:,} trials; name fewer operations= or faults=, take "
        "distinct='call stack', or give a limit= or a shard="
    )


def no_such_trial(number: str, known: int) -> str:
    """Return why no trial was run, although one was asked for by its number."""
    return f"there is no trial {number}: the trials of this sweep are 0 to {known}"


def nothing_tried(faults: Iterable[str], operations: Collection[str]) -> str:
    """Return the verdict on a sweep whose faults can meet none of the calls that were made."""
    return (
        f"the sweep tried nothing: {', '.join(faults)} can meet none of the calls "
        f"({', '.join(sorted(operations))})"
    )


def _blocks(failed: Sequence[TrialResult], rerun: RerunCommand) -> Iterator[str]:
    alike: dict[tuple[object, ...], list[TrialResult]] = {}
    for one in failed:
        alike.setdefault(one.likeness, []).append(one)
    groups = list(alike.values())
    for group in groups[:_IN_FULL]:
        yield ""
        yield from _heads(group)
        yield from _in_full(group[0], rerun)
    rest = [one for group in groups[_IN_FULL:] for one in group]
    if rest:
        yield ""
        for one in rest[:_MOST]:
            yield f"{_head(one)}: {one.wrong[0].check}: {legible(_first(one.wrong[0].text))}"
    if len(rest) > _MOST:
        yield f"... and {len(rest) - _MOST} more"


def _first(text: str) -> str:
    """Return the first line of a verdict; with the first thing that differs, if that is what it leads to."""
    line, _, rest = text.partition("\n")
    if not line.endswith(":"):
        return line
    first, _, more = rest.partition("\n")
    return f"{line} {first.strip()}{' …' if more else ''}"


def _heads(group: Sequence[TrialResult]) -> Iterator[str]:
    yield from map(_head, group[:_ALIKE])
    if len(group) > _ALIKE:
        yield f"... and {len(group) - _ALIKE} more trials that failed alike"


def _in_full(one: TrialResult, rerun: RerunCommand) -> Iterator[str]:
    for wrong in one.wrong:
        yield f"  {wrong.check}: " + legible_lines(wrong.text).replace("\n", "\n      ")
    if one.kept:
        yield f"  files kept in: {one.kept}"
    line = rerun(one.id)
    if line:
        yield f"  run only this trial: {line}"


def _head(one: TrialResult) -> str:
    return f"trial {one.id}: {described(one)}"


def described(one: TrialResult) -> str:
    """Return the faults of a trial, each with its operation, paths and lines."""
    return ", then ".join(map(_described, one.calls)) or "no fault"


def _described(call: InjectedCall) -> str:
    to = f" -> {legible(call.target)}" if call.target is not None else ""
    how = " every time" if call.persists else ""
    which = "" if call.nth == 1 else f" (call {call.nth} of that line)"
    caller = f", called from {call.caller}" if call.caller else ""
    return f"{call.operation} {legible(call.path)}{to}: {call.fault}{how}, at {call.site}{which}{caller}"
