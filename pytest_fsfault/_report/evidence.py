"""What one test under fault showed, as data that JSON can carry."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from pytest_fsfault._report.lines import legible, shorten

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pytest_fsfault._core.engine.journal import Entry
    from pytest_fsfault._core.engine.plan import Armed

# A test may meet thousands of faults: the counts are complete, the list ends here.
_MOST_FAULTS = 200


def evidence(
    entries: Sequence[Entry],
    *,
    own: Iterable[Armed],
    ambient: Iterable[Armed],
    retries: Iterable[Any],
    waits: Iterable[float],
    kept_step: Mapping[str, float],
    roots: Sequence[str],
    sweeps: Sequence[Mapping[str, Any]],
    children: Mapping[str, Any],
) -> dict[str, Any]:
    """Return counts, faults, retries, waits (virtual seconds) and rules of one test.

    `kept_step` are the real seconds that the clock took beside the wait of each thread.
    """
    faults = [entry for entry in entries if entry.fault is not None]
    counts = Counter((entry.operation, entry.fault or "") for entry in faults)
    for sweep in sweeps:
        counts.update({(operation, fault): count for operation, fault, count in sweep["counts"]})
    return {
        "entries": len(entries),
        "counts": [[operation, fault, count] for (operation, fault), count in sorted(counts.items())],
        "faults": [_fault(entry, roots) for entry in faults[:_MOST_FAULTS]],
        "retries": [
            {
                "operation": retry.operation,
                "path": legible(shorten(retry.path, roots)),
                "attempts": retry.attempts,
                "waits": list(retry.waits),
                "outcome": retry.outcome,
            }
            for retry in retries
        ],
        "waited": sum(waits),
        "kept_step": {legible(name): seconds for name, seconds in kept_step.items()},
        "children": {
            "started": children["started"],
            "unreached": [legible(told) for told in children["unreached"]],
        },
        "sweeps": [{key: sweep[key] for key in ("trials", "failed")} for sweep in sweeps],
        "rules": [
            {
                "rule": legible(str(armed.rule)),
                "own": mine,
                "optional": armed.rule.optional,
                "matched": armed.matched,
                "fired": armed.fired,
            }
            for mine, group in ((True, own), (False, ambient))
            for armed in group
        ],
    }


def _fault(entry: Entry, roots: Sequence[str]) -> dict[str, Any]:
    return {
        "index": entry.index,
        "operation": entry.operation,
        "path": legible(shorten(entry.path, roots)),
        "target": None if entry.target is None else legible(shorten(entry.target, roots)),
        "fault": entry.fault,
        "reason": legible(entry.reason),
        "outcome": entry.outcome,
        "error": None if entry.error is None else legible(f"{type(entry.error).__name__}: {entry.error}"),
        "at": entry.at,
        "process": entry.process,
        "call_site": legible(entry.call_site),
    }
