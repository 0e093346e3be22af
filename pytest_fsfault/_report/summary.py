"""What a whole run showed: as data, and as the few lines at its end."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from pytest_fsfault._core.language.rows import Row

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

# At most so many lines of one kind stand in the summary; the JSON has them all.
_MOST = 12
# From here on seconds are whole.
_WHOLE = 100
# Real seconds from which on a wait that the clock kept step with is worth a line.
_SLOW = 1
#: What is told as the check that failed a test which never ran, for a mistake in its markers.
MARKER = "marker"
#: The version of the format; a field that goes raises it.
SCHEMA = 1


class Replayed(Row):
    """Which file was replayed, and how many tests ran untouched since it does not have them."""

    source: str
    untouched: int


def totals(tests: Sequence[Mapping[str, Any]], replayed: Replayed | None = None) -> dict[str, Any]:
    """Add up the evidence of all tests; a test that was run again is one, with the faults of all its runs."""
    ends = Counter(test["outcome"] for test in tests)
    return {
        "tests": len(tests) - ends["rerun"],
        "refused": sum(_check(test) == MARKER and test["outcome"] != "rerun" for test in tests),
        "passed": ends["passed"],
        "failed": ends["failed"],
        "skipped": ends["skipped"],
        "interrupted": ends["interrupted"],
        "reruns": ends["rerun"],
        **_faults(tests),
        **_retried(tests),
        "waits_skipped": round(sum(wait["to"] - wait["from"] for test in tests for wait in test["waits"]), 9),
        "seconds": sum(test["seconds"] for test in tests),
        "kept_step": _kept_step(tests),
        "never_fired": [
            {"rule": rule, "tests": names, "reason": reason} for rule, names, reason in _never_fired(tests)
        ],
        "processes": sum(len(test["processes"]) for test in tests),
        "unreached": _unreached(tests),
        "outside": _outside(tests),
        **_swept(tests),
        "replay": None if replayed is None else _replay(tests, replayed),
    }


def _check(test: Mapping[str, Any]) -> str | None:
    failure: Mapping[str, Any] | None = test["failure"]
    return None if failure is None else failure["check"]


def _replay(tests: Sequence[Mapping[str, Any]], replayed: Replayed) -> dict[str, Any]:
    found = [test["replay"] for test in tests if test["replay"] is not None]
    return {
        "source": replayed.source,
        "tests": len(found),
        "untouched": replayed.untouched,
        "as_recorded": sum(one["as_recorded"] for one in found),
        "never_came": sum(len(one["never_came"]) for one in found),
        "of_other_system": sum(one["of_other_system"] for one in found),
    }


def _faults(tests: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    counts: Counter[tuple[str, str]] = Counter()
    for test in tests:
        for operation, fault, count in test["counts"]:
            counts[operation, fault] += count
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    rows = [[operation, fault, count] for (operation, fault), count in ranked]
    return {"faults": sum(counts.values()), "counts": rows}


def _retried(tests: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    attempts = [retry["attempts"] for test in tests for retry in test["retries"] if retry["attempts"] > 1]
    return {"retried": len(attempts), "most_attempts": max(attempts, default=0)}


def _unreached(tests: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    counts = Counter(told for test in tests for told in test["unreached"])
    return [{"reason": reason, "count": count} for reason, count in counts.items()]


def _outside(tests: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    found = [test["outside"] for test in tests if test["outside"] is not None]
    return {"tests": len(found), "path": found[0] if found else None}


def _swept(tests: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    trials = [row for test in tests for row in test["sweeps"] if row["applies"] and row["fault"] is not None]
    return {
        "sweeps": sum(len({row["sweep"] for row in test["sweeps"]}) for test in tests),
        "trials": len(trials),
        "trials_failed": sum(bool(row["verdicts"]) for row in trials),
    }


def document(
    tests: Sequence[Mapping[str, Any]],
    run: Mapping[str, Any],
    replayed: Replayed | None = None,
    baseline: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return everything that a run has shown, as `schema.json` describes it."""
    total = {**totals(tests, replayed), "baseline": baseline}
    return {"schema": SCHEMA, "run": dict(run), "totals": total, "tests": list(tests)}


def _kept_step(tests: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    found: Counter[str] = Counter()
    for test in tests:
        found.update(test["kept_step"])
    return dict(found.most_common())


def _never_fired(tests: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, list[str], str]]:
    """Yield each rule that fired in no test, with the tests in which it had to, and why not in the first."""
    fired: Counter[str] = Counter()
    missed: dict[str, dict[str, str]] = {}
    for test in tests:
        if test["replay"] is not None:  # the recorded run decides there
            continue
        for rule in test["rules"]:
            if not rule["optional"]:
                fired[rule["rule"]] += rule["fired"]
                missed.setdefault(rule["rule"], {}).setdefault(test["id"], rule["reason"] or "")
    for text, found in missed.items():
        if not fired[text]:
            yield text, list(found), next(iter(found.values()))


def summary_lines(total: Mapping[str, Any], reproduce: str) -> Iterator[str]:
    """Yield the summary: tests under fault, faults, retries, waits, rules that never fired."""
    yield _what(total) + (f"; {reproduce}" if reproduce else "")
    yield from _replay_lines(total["replay"])
    counts = total["counts"]
    width = max((len(operation) for operation, _, _ in counts[:_MOST]), default=0)
    for operation, fault, count in counts[:_MOST]:
        yield f"  {count:6}  {operation:{width}}  {fault}"
    yield from _more(counts)
    if total["retried"]:
        yield f"retried: {number(total['retried'], 'file')}, at most {total['most_attempts']} attempts"
    if total["sweeps"]:
        trials = f"{number(total['trials'], 'trial')} with a fault"
        yield f"sweeps: {total['sweeps']} ({trials}, {total['trials_failed']} failed)"
    yield from _children(total)
    if total["waits_skipped"]:
        yield f"waits skipped: {seconds(total['waits_skipped'])}; the tests took {seconds(total['seconds'])}"
    if (outside := total["outside"])["tests"]:
        yield (
            f"met no fault: {number(outside['tests'], 'test')} changed files outside the roots alone, such as "
            f"{outside['path']}; fsfault_roots or roots= names what is watched"
        )
    yield from _slow_waits(total["kept_step"])
    yield from _never(total["never_fired"])


def one_line(total: Mapping[str, Any], reproduce: str) -> str:
    """Return the summary in one line."""
    failed = f", {total['failed']} failed" if total["failed"] else ""
    missed = f", {number(len(total['never_fired']), 'rule')} never fired" if total["never_fired"] else ""
    if (outside := total["outside"])["tests"]:
        missed += f", {outside['tests']} outside the roots alone ({outside['path']})"
    return f"fsfault: {_what(total)}{failed}{missed}; {reproduce}"


def _what(total: Mapping[str, Any]) -> str:
    ran = number(total["tests"] - total["refused"], "test")
    return f"{ran} under fault, {number(total['faults'], 'fault')}{_unended(total)}"


def _unended(total: Mapping[str, Any]) -> str:
    """Return how many tests, and runs of tests, were not the last word, with a comma before each number."""
    reruns = f", {total['refused']} refused" if total["refused"] else ""
    reruns += f", {number(total['reruns'], 'rerun')}" if total["reruns"] else ""
    return reruns + (f", {total['interrupted']} interrupted" if total["interrupted"] else "")


def verdict(total: Mapping[str, Any]) -> str:
    """Return how many tests failed, or what keeps it from being said that all have passed."""
    if total["failed"]:
        text = f"{total['failed']} of {number(total['tests'], 'test')} failed"
    else:
        text = "all passed" if total["passed"] == total["tests"] else f"{total['passed']} passed"
    return ", ".join([text, *others(total)])


def phase(test: Mapping[str, Any]) -> str:
    """Return in which phase a test failed, with a colon, unless that was its call."""
    when = test["failure"].get("when")
    return f"{when}: " if when in ("setup", "teardown") else ""


def others(total: Mapping[str, Any]) -> Iterator[str]:
    """Yield how many tests neither passed nor failed."""
    for kind, what in (("skipped", "skipped or xfailed"), ("interrupted", "interrupted")):
        if total.get(kind):
            yield f"{total[kind]:,} {what}"
    if total.get("reruns"):
        yield number(total["reruns"], "rerun")


def _replay_lines(replay: Mapping[str, Any] | None) -> Iterator[str]:
    if replay is None:
        return
    calls = f"{number(replay['as_recorded'], 'call')} as recorded"
    if replay["never_came"]:
        calls += f", {replay['never_came']} never came"
    if replay["of_other_system"]:
        calls += f", {replay['of_other_system']} that only the recorded system makes"
    yield f"replay of {replay['source']}: {number(replay['tests'], 'test')}, {calls}"
    if replay["untouched"]:
        yield f"  {number(replay['untouched'], 'test')} not in the file ran without it"


def _children(total: Mapping[str, Any]) -> Iterator[str]:
    unreached = total["unreached"]
    if total["processes"] or unreached:
        count = sum(one["count"] for one in unreached)
        missed = f", {count} without faults:" if unreached else ""
        yield f"child processes: {total['processes']}{missed}"
        for one in unreached[:_MOST]:
            yield f"  {one['reason']}" + (f" ({one['count']} times)" if one["count"] > 1 else "")
        yield from _more(unreached)


def _slow_waits(kept_step: Mapping[str, float]) -> Iterator[str]:
    """Yield where time was not skipped, since a thread waited with a timeout that only the system keeps."""
    slow = [(name, spent) for name, spent in kept_step.items() if spent > _SLOW]
    for name, spent in slow[:_MOST]:
        yield f"not skipped: {spent:.1f} s of real time, for a wait with a timeout in {name}"
    yield from _more(slow)


def _never(found: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if found:
        yield "never fired:"
    for one in found[:_MOST]:
        first, *others = one["tests"]
        more = f" and {number(len(others), 'other test')}" if others else ""
        yield f"  {one['rule']}, in {first}{more}"
    yield from _more(found)


def seconds(value: float) -> str:
    """Return seconds with as many digits as tell something."""
    return f"{value:.0f} s" if value >= _WHOLE else f"{value:.3g} s"


def _more(rows: Sequence[object]) -> Iterator[str]:
    if len(rows) > _MOST:
        yield f"  ... {len(rows) - _MOST} more; --fsfault-json writes all"


def number(count: int, what: str, many: str = "") -> str:
    """Return a count with its noun."""
    return f"{count} {what if count == 1 else many or f'{what}s'}"
