"""What a whole run showed: as data, and as the few lines at its end."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

# At most so many lines of one kind stand in the summary; the JSON has them all.
_MOST = 12
# Real seconds from which on a wait that the clock kept step with is worth a line.
_SLOW = 1


def totals(tests: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Add up the evidence of all tests."""
    counts: Counter[tuple[str, str]] = Counter()
    for test in tests:
        for operation, fault, count in test["counts"]:
            counts[operation, fault] += count
    retried = [retry for test in tests for retry in test["retries"] if retry["attempts"] > 1]
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return {
        "tests": len(tests),
        "faults": sum(counts.values()),
        "counts": [[operation, fault, count] for (operation, fault), count in ranked],
        "retried": len(retried),
        "most_attempts": max((retry["attempts"] for retry in retried), default=0),
        "waited_virtual": sum(test["waited"] for test in tests),
        "took_real": sum(test["seconds"] for test in tests),
        "kept_step": _kept_step(tests),
        "never_fired": _never_fired(tests),
        "children": sum(test["children"]["started"] for test in tests),
        "unreached": [told for test in tests for told in test["children"]["unreached"]],
        "sweeps": sum(len(test["sweeps"]) for test in tests),
        "trials": sum(sweep["trials"] for test in tests for sweep in test["sweeps"]),
        "trials_failed": sum(sweep["failed"] for test in tests for sweep in test["sweeps"]),
    }


def document(
    tests: Sequence[Mapping[str, Any]], *, profile: str, rules: Iterable[str], seed: int
) -> dict[str, Any]:
    """Return everything that the summary is made of."""
    return {
        "profile": profile,
        "rules": list(rules),
        "seed": seed,
        "totals": totals(tests),
        "tests": list(tests),
    }


def _kept_step(tests: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    found: Counter[str] = Counter()
    for test in tests:
        found.update(test["kept_step"])
    return dict(found.most_common())


def _never_fired(tests: Iterable[Mapping[str, Any]]) -> list[str]:
    fired: Counter[str] = Counter()
    for test in tests:
        for rule in test["rules"]:
            if rule["optional"]:
                continue
            fired[rule["rule"]] += rule["fired"]
    return [text for text, count in fired.items() if not count]


def summary_lines(total: Mapping[str, Any], reproduce: str) -> Iterator[str]:
    """Yield the summary: tests under fault, faults, retries, waits, rules that never fired."""
    what = f"{_number(total['tests'], 'test')} under fault, {_number(total['faults'], 'fault')}"
    yield what + (f"; {reproduce}" if reproduce else "")
    counts = total["counts"]
    width = max((len(operation) for operation, _, _ in counts[:_MOST]), default=0)
    for operation, fault, count in counts[:_MOST]:
        yield f"  {count:6}  {operation:{width}}  {fault}"
    yield from _more(counts)
    if total["retried"]:
        yield f"retried: {_number(total['retried'], 'file')}, at most {total['most_attempts']} attempts"
    if total["sweeps"]:
        failed = f", {total['trials_failed']} failed" if total["trials_failed"] else ""
        yield f"swept: {_number(total['sweeps'], 'sweep')}, {_number(total['trials'], 'trial')}{failed}"
    if total["children"]:
        missed = f", {len(total['unreached'])} of them out of reach" if total["unreached"] else ""
        yield f"started: {_number(total['children'], 'process', 'processes')}{missed}"
        yield from (f"  {told}" for told in total["unreached"][:_MOST])
        yield from _more(total["unreached"])
    if total["waited_virtual"]:
        yield f"waited: {total['waited_virtual']:.3f} s of virtual time, in {total['took_real']:.3f} s of real time"
    yield from _slow_waits(total["kept_step"])
    never = total["never_fired"]
    if never:
        yield "never fired:"
        yield from (f"  {text}" for text in never[:_MOST])
        yield from _more(never)


def _slow_waits(kept_step: Mapping[str, float]) -> Iterator[str]:
    """Yield where time was not skipped, since a thread waited with a timeout that only the system keeps."""
    slow = [(name, seconds) for name, seconds in kept_step.items() if seconds > _SLOW]
    for name, seconds in slow[:_MOST]:
        yield f"not skipped: {seconds:.1f} s of real time, for a wait with a timeout in {name}"
    yield from _more(slow)


def _more(rows: Sequence[object]) -> Iterator[str]:
    if len(rows) > _MOST:
        yield f"  ... {len(rows) - _MOST} more"


def _number(count: int, what: str, many: str = "") -> str:
    return f"{count} {what if count == 1 else many or f'{what}s'}"
