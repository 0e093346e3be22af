"""What one test under fault showed, as data that JSON can carry: the entry of `tests` in the schema."""

from __future__ import annotations

import errno
from collections import Counter
from typing import TYPE_CHECKING, Any

from pytest_fsfault._core.language.roots import ROOT
from pytest_fsfault._core.language.rows import Row
from pytest_fsfault._host.paths import seen_from_here
from pytest_fsfault._report.lines import shorten

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from pytest_fsfault._core.engine.journal import Entry
    from pytest_fsfault._core.engine.plan import Armed
    from pytest_fsfault._core.engine.replay import Replay
    from pytest_fsfault._core.real_clock import Wait


class Facts(Row):
    """What a session hands over; times are virtual seconds since its start."""

    entries: Sequence[Entry]
    detailed: bool  # whether each call will be read
    trial_reason: str  # how an entry says that the fault of a sweep's trial acted
    rules: Sequence[tuple[Armed, bool]]  # each with whether the test itself asked for it
    why_not: Callable[[Armed], str]  # why a rule never fired
    closest: Callable[[Armed], tuple[str, str, str | None] | None]  # the call that came nearest
    observed: bool  # whether all calls below the roots are among the entries
    numbered: bool  # whether the directories below the roots end in pytest's counters
    retries: Iterable[Any]
    waits: Iterable[Wait]
    roots: Sequence[str]
    proofs: Mapping[str, list[dict[str, Any]]]
    processes: Iterable[Any]
    troubles: Sequence[str]
    outside: str | None  # a path outside the roots that was changed, if nothing was changed below them
    holds: Iterable[Mapping[str, Any]]
    kept_step: Mapping[str, float]  # the real seconds that the clock took beside the wait of each thread
    replay: Replay | None  # what decided in the place of rules and model
    end: float


def evidence(facts: Facts) -> dict[str, Any]:
    """Return counts, calls, rules, holds, retries, waits, processes, sweeps and tolerances of one test."""
    sweeps = facts.proofs.get("sweeps", [])
    return {
        "virtual_end": facts.end,
        "baseline": None,
        "replay": None if facts.replay is None else _replay(facts.replay),
        "observed": facts.observed,
        "numbered": facts.numbered,
        "kept_step": dict(facts.kept_step),
        "counts": _counts(facts, sweeps),
        "calls": [_call(entry, facts.roots) for entry in facts.entries] if facts.detailed else [],
        "rules": [_rule(armed, own=own, facts=facts) for armed, own in facts.rules],
        "holds": [{**hold, "path": shorten(hold["path"], facts.roots)} for hold in facts.holds],
        "retries": [_retry(retry, facts.roots) for retry in facts.retries],
        "waits": [
            {"from": wait.at, "to": wait.at + wait.seconds, "thread": wait.thread, "process": wait.process}
            for wait in facts.waits
        ],
        "processes": [process._asdict() for process in facts.processes],
        "unreached": list(facts.troubles),
        "outside": facts.outside,
        "sweeps": list(_rows(sweeps)),
        "tolerances": facts.proofs.get("tolerances", []),
    }


def _replay(replay: Replay) -> dict[str, Any]:
    missing = replay.missing
    return {
        "as_recorded": replay.came,
        "never_came": [call.told for call in missing if call.vital],
        "of_other_system": sum(not call.vital for call in missing),
    }


def _counts(facts: Facts, sweeps: Iterable[Mapping[str, Any]]) -> list[list[Any]]:
    """Return how often each fault acted: what a sweep has counted is counted there alone."""
    counts: Counter[tuple[str, str]] = Counter(
        (entry.operation, entry.fault)
        for entry in facts.entries
        if entry.fault is not None and facts.trial_reason not in entry.reason
    )
    for sweep in sweeps:
        counts.update({(operation, fault): count for operation, fault, count in sweep["counts"]})
    return [[operation, fault, count] for (operation, fault), count in sorted(counts.items())]


def _call(entry: Entry, roots: Sequence[str]) -> dict[str, Any]:
    return {
        "n": entry.index,
        **_ends(entry.operation, entry.path, entry.target, roots),
        "outcome": entry.outcome,
        "fault": entry.fault,
        "reason": entry.reason,
        "hold": entry.hold,
        "nth": entry.nth,
        "error": None if entry.error is None else _error(entry.error),
        "at": entry.at,
        "thread": entry.thread,
        "process": entry.process,
        "program": entry.program,
        "site": seen_from_here(entry.call_site),
    }


def _error(error: BaseException) -> dict[str, Any]:
    return {
        "class": type(error).__name__,
        "errno": getattr(error, "errno", None),
        "name": errno.errorcode.get(getattr(error, "errno", None) or 0),
        "winerror": getattr(error, "winerror", None),
        "text": str(error),
    }


def _rule(armed: Armed, *, own: bool, facts: Facts) -> dict[str, Any]:
    # In a replay the recorded run decides: no rule has to fire.
    missed = facts.replay is None and not (armed.fired or armed.rule.optional)
    closest = facts.closest(armed) if missed else None
    return {
        "rule": str(armed.rule),
        "own": own,
        "optional": armed.rule.optional,
        "matched": armed.matched,
        "fired": armed.fired,
        "reason": facts.why_not(armed) if missed else None,
        "closest": None if closest is None else _ends(*closest, facts.roots),
    }


def _ends(operation: str, path: str, target: str | None, roots: Sequence[str]) -> dict[str, Any]:
    return {
        "operation": operation,
        "path": _seen(path, roots),
        "target": None if target is None else _seen(target, roots),
    }


def _seen(path: str, roots: Sequence[str]) -> str:
    """Return a path as seen from its root; a root itself is ``.``."""
    return ROOT if path in roots else shorten(path, roots)


def _retry(retry: Any, roots: Sequence[str]) -> dict[str, Any]:
    return {
        "operation": retry.operation,
        "path": shorten(retry.path, roots),
        "attempts": retry.attempts,
        "waits": list(retry.waits),
        "total_wait": retry.total_wait,
        "outcome": retry.outcome,
    }


def _rows(sweeps: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the trials of all sweeps; those of the second one have the IDs ``2-0``, ``2-1``, and so on."""
    for number, sweep in enumerate(sweeps, 1):
        for row in sweep["rows"]:
            named = row["id"] if number == 1 or row["id"] is None else f"{number}-{row['id']}"
            yield {**row, "sweep": number, "id": named}
