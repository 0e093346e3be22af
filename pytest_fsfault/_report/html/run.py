"""The run as a whole: its heading, its figures, and what it was."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pytest_fsfault._report.html.axis import span
from pytest_fsfault._report.html.templates import Markup, filled, shown
from pytest_fsfault._report.summary import others

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def heading(document: Mapping[str, Any]) -> Markup:
    """Return how the run went, in one line."""
    run, totals = document["run"], document["totals"]
    under = _under(run)
    count = totals["tests"]
    if not count:
        text = shown("No test ran under faults")
    elif totals["failed"]:
        text = filled(
            '<span class="failed">{} of {} test{} failed</span> {}',
            f"{totals['failed']:,}",
            f"{count:,}",
            "" if count == 1 else "s",
            under,
        )
    elif totals.get("passed", count) == count:
        passed = "The test passed" if count == 1 else f"All {count:,} tests passed"
        text = filled('<span class="passed">{}</span> {}', passed, under)
    else:
        text = shown(f"{totals['passed']:,} of {_many(count, 'test')} passed {under}")
    if run["replay_of"]:
        return filled("Replay of {}: {}", shown(str(run["replay_of"])), text)
    return text


def _under(run: Mapping[str, Any]) -> str:
    if run["windows"] is not None:
        acting = [one["name"] for one in run["scanners"] if one.get("acts", True) and "name" in one]
        return f"on an emulated Windows {run['windows']}" + (
            f" with {' and '.join(acting)}" if acting else ""
        )
    if run["profile"] != "off":
        return f"under the profile {run['profile']}"
    return "under the run's rules" if run["rules"] else "under faults of their own"


def figures(document: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield titles, figures, and what gives them scale."""
    totals, tests = document["totals"], document["tests"]
    if not totals["tests"]:
        return
    passed = sum(test["outcome"] == "passed" for test in tests)
    unfired = len(totals["never_fired"])
    more = "".join(f", {told}" for told in others(totals))
    more += f", {_many(unfired, 'rule')} never fired" if unfired else ""
    yield "Tests", f"{totals['tests']:,}", f"{passed:,} passed, {totals['failed']:,} failed{more}"
    met = sum(bool(test["counts"]) for test in tests)
    yield "Refused calls", f"{totals['faults']:,}", f"in {_many(met, 'test')}"
    yield from _replayed(totals.get("replay"))
    yield from _waits(totals)
    if totals["sweeps"]:
        yield (
            "Sweeps",
            f"{totals['sweeps']:,}",
            f"{totals['trials']:,} trials, {totals['trials_failed']:,} failed",
        )
    yield from _unmet(totals)


def _unmet(totals: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield what no fault could reach."""
    unreached = sum(one["count"] for one in totals["unreached"])
    if totals["processes"] or unreached:
        yield "Child processes", f"{totals['processes']:,}", f"{unreached:,} without faults"
    if (outside := totals["outside"])["tests"]:
        yield (
            "Outside the roots",
            _many(outside["tests"], "test"),
            f"met no fault, such as on {outside['path']}",
        )


def _replayed(replay: Mapping[str, Any] | None) -> Iterator[tuple[str, str, str]]:
    if replay is not None:
        told = f"{replay['never_came']:,} never came"
        if replay["untouched"]:
            told += f", {_many(replay['untouched'], 'test')} {'is' if replay['untouched'] == 1 else 'are'} not in the file"
        yield "Replayed", _many(replay["as_recorded"], "call"), told


def _waits(totals: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    if totals["retried"]:
        yield "Retried", _many(totals["retried"], "file"), f"at most {totals['most_attempts']:,} attempts"
    if totals["waits_skipped"]:
        yield (
            "Waits skipped",
            _seconds(totals["waits_skipped"]),
            f"the tests took {_seconds(totals['seconds'])}",
        )


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _seconds(value: float) -> str:
    return f"{value:,.0f} s" if value >= 100 else f"{value:.3g} s"


def advice(document: Mapping[str, Any]) -> str:
    """Return what to try if no call was refused."""
    totals, run = document["totals"], document["run"]
    proven = any(test["tolerances"] for test in document["tests"])
    if not totals["tests"] or totals["faults"] or run["replay_of"] or proven:
        return ""
    if any(one.get("acts", True) for one in run["scanners"]):
        return "No call was refused: no scanner was in the way of any call."
    return "No call was refused. This profile has no scanner; try --fsfault-profile defender"


def facts(run: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield what the run was, with remarks."""
    acting = [_scanner(one) for one in run["scanners"] if one.get("acts", True)]
    model = [] if run["windows"] is None else [f"Windows {run['windows']}"]
    yield "Profile", run["profile"], "; ".join([*model, *acting])
    if run["rules"]:
        yield (
            "Rules",
            "; ".join(run["rules"][:6]),
            f"and {len(run['rules']) - 6} more" if len(run["rules"]) > 6 else "",
        )
    yield "Seed", str(run["seed"]), ""
    versions = run["versions"]
    emulated = "" if run["windows"] is None else f"emulates Windows {run['windows']}"
    yield "Versions", f"Python {versions['python']}, pytest {versions['pytest']}, {run['platform']}", emulated
    yield "Started", f"{datetime.fromtimestamp(run['started'], UTC):%Y-%m-%d %H:%M} UTC", ""
    if run["command"]:
        yield "Command", run["command"], ""


def _scanner(one: Mapping[str, Any]) -> str:
    """Say how long a scanner has files open."""
    name = one.get("name", "a scanner")
    if one.get("range"):
        least, most = one["range"]
        return f"{name} holds files for {span(least)}" + (f" to {span(most)}" if most > least else "")
    if one.get("median") and one.get("p99"):
        return f"{name} holds files for {span(one['median'])} (median), {span(one['p99'])} (99th percentile)"
    return str(name)
