"""The page: the run as a whole, why tests failed, the list, the tests, and the data of what is made when it is asked for.

A page has a budget of elements, so that it is there at once, and one of bytes. What is beyond the first stands in
templates, or is made by the script from JSON; without a script, it is readable in `noscript` as far as the second goes.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_fsfault._report.html.answers import cause, trials
from pytest_fsfault._report.html.data import Data
from pytest_fsfault._report.html.templates import Markup, elements, render, shown
from pytest_fsfault._report.html.views import View, replayed, views

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

# Elements of the bodies that are there at first, and of a body in a page that has no other.
_ELEMENTS = 900
# Characters: of bodies in templates, of their copies for readers without a script, of all.
_STORED, _COPIED = 5_000_000, 2_000_000
# Beyond so many tests the list is drawn by the script; beyond so many with something to show, their headings, too.
_LISTED, _HEADED = 200, 60
# Failed tests that are open at first, and rows of causes.
_OPEN, _CAUSES, _LINKS = 5, 30, 6


class Shown(NamedTuple):
    """A test in the page: `body` is empty if it is made when it is opened, from a template or from data."""

    view: View
    body: Markup
    stored: Markup
    copied: Markup
    is_open: bool


class CauseRow(NamedTuple):
    """Tests that failed alike."""

    text: Markup
    site: str
    tests: list[View]
    more: int


def page(document: Mapping[str, Any], *, json_link: str = "") -> str:
    """Return the report of a run as one HTML file.

    Args:
        document: the run, as `schema.json` describes it.
        json_link: where the same run is as JSON, as seen from the report.

    """
    found = views(document)
    telling = [view for view in found if not view.plain]
    large = len(found) > _LISTED or len(telling) > _HEADED
    tests = _placed(telling[:_HEADED] if large else telling, alone=len(found) == 1)
    data = Data(found, {one.view.number for one in tests if one.body or one.stored})
    totals = document["totals"]
    return render(
        "page.jinja",
        run=document["run"],
        totals=totals,
        heading=_heading(document),
        title=_heading(document).striptags(),
        figures=list(_figures(document)),
        advice=_advice(document),
        facts=list(_facts(document["run"])),
        line=f"pytest {document['run']['arguments']}".strip(),
        causes=_causes(found),
        tests=tests,
        telling=telling,
        plain=_by_file([view for view in found if view.plain]),
        found=found,
        large=large,
        counts=Counter(view.kind for view in found),
        data=data,
        json_link=json_link,
        headed=_HEADED,
    )


def _placed(telling: Sequence[View], *, alone: bool) -> list[Shown]:
    """Return the tests with their bodies: in place while the page is small, else where the script finds them."""
    room, stored, copied, opened = _ELEMENTS, _STORED, _COPIED, 0
    found = []
    for view in telling:
        is_open = alone or (view.kind != "passed" and opened < _OPEN)
        opened += is_open
        if stored <= 0:
            found.append(Shown(view, Markup(), Markup(), Markup(), is_open=False))
            continue
        body = view.body(is_open=is_open)
        count = elements(body)
        if count <= room:
            room -= count
            found.append(Shown(view, body, Markup(), Markup(), is_open))
            continue
        stored -= len(body)
        copied -= len(body)
        copy = Markup(body.replace("<noscript>", "").replace("</noscript>", "")) if copied > 0 else Markup()  # noqa: S704
        found.append(Shown(view, Markup(), body, copy, is_open))
    return found


def _heading(document: Mapping[str, Any]) -> Markup:
    run, totals = document["run"], document["totals"]
    under = _under(run)
    count = totals["tests"]
    if not count:
        text = shown("No test ran under faults")
    elif totals["failed"]:
        text = Markup('<span class="failed">{} of {} test{} failed</span> {}').format(
            f"{totals['failed']:,}", f"{count:,}", "" if count == 1 else "s", under
        )
    else:
        passed = "The test passed" if count == 1 else f"All {count:,} tests passed"
        text = Markup('<span class="passed">{}</span> {}').format(passed, under)
    if run["replay_of"]:
        return Markup("Replay of {}: {}").format(shown(str(run["replay_of"])), text)
    return text


def _under(run: Mapping[str, Any]) -> str:
    if run["windows"] is not None:
        acting = [one["name"] for one in run["scanners"] if one.get("acts", True) and "name" in one]
        return f"on an emulated Windows {run['windows']}" + (f" with {' and '.join(acting)}" if acting else "")
    if run["profile"] != "off":
        return f"under the profile {run['profile']}"
    return "under the run's rules" if run["rules"] else "under faults of their own"


def _figures(document: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield titles, figures, and what gives them scale."""
    totals, tests = document["totals"], document["tests"]
    if not totals["tests"]:
        return
    passed = sum(test["outcome"] == "passed" for test in tests)
    unfired = len(totals["never_fired"])
    more = f", {unfired} rule{'' if unfired == 1 else 's'} never fired" if unfired else ""
    yield "Tests", f"{totals['tests']:,}", f"{passed:,} passed, {totals['failed']:,} failed{more}"
    met = sum(bool(test["counts"]) for test in tests)
    yield "Refused calls", f"{totals['faults']:,}", f"in {met:,} test{'' if met == 1 else 's'}"
    if totals["retried"]:
        files = f"{totals['retried']:,} file{'' if totals['retried'] == 1 else 's'}"
        yield "Retried", files, f"at most {totals['most_attempts']:,} attempts"
    if totals["waits_skipped"]:
        yield "Waits skipped", _seconds(totals["waits_skipped"]), f"the tests took {_seconds(totals['seconds'])}"
    if totals["sweeps"]:
        yield "Sweeps", f"{totals['sweeps']:,}", f"{totals['trials']:,} trials, {totals['trials_failed']:,} failed"
    unreached = sum(one["count"] for one in totals["unreached"])
    if totals["processes"] or unreached:
        yield "Child processes", f"{totals['processes']:,}", f"{unreached:,} without faults"


def _seconds(value: float) -> str:
    return f"{value:,.0f} s" if value >= 100 else f"{value:.3g} s"  # noqa: PLR2004


def _advice(document: Mapping[str, Any]) -> str:
    """Return what to try if no call was refused."""
    totals, run = document["totals"], document["run"]
    if not totals["tests"] or totals["faults"] or run["replay_of"]:
        return ""
    if any(one.get("acts", True) for one in run["scanners"]):
        return "No call was refused: no scanner was in the way of any call."
    return "No call was refused. This profile has no scanner; try --fsfault-profile defender"


def _facts(run: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield what the run was, with remarks."""
    acting = [_scanner(one) for one in run["scanners"] if one.get("acts", True)]
    model = [] if run["windows"] is None else [f"Windows {run['windows']}"]
    yield "Profile", run["profile"], "; ".join([*model, *acting])
    if run["rules"]:
        yield "Rules", "; ".join(run["rules"][:6]), f"and {len(run['rules']) - 6} more" if len(run["rules"]) > 6 else ""  # noqa: PLR2004
    yield "Seed", str(run["seed"]), ""
    versions = run["versions"]
    emulated = "" if run["windows"] is None else f"emulates Windows {run['windows']}"
    yield "Versions", f"Python {versions['python']}, pytest {versions['pytest']}, {run['platform']}", emulated
    yield "Started", f"{datetime.fromtimestamp(run['started'], UTC):%Y-%m-%d %H:%M} UTC", ""
    if run["command"]:
        yield "Command", run["command"], ""


def _scanner(one: Mapping[str, Any]) -> str:
    hold = f" holds files for {one['hold']}" if one.get("hold") else ""
    return f"{one.get('name', 'a scanner')}{hold}"


def _causes(found: Sequence[View]) -> tuple[list[CauseRow], int]:
    """Return why tests failed, the most frequent cause first, and how many causes are not listed."""
    alike: dict[object, list[View]] = {}
    for view in found:
        if view.kind == "failed":
            alike.setdefault(cause(view.test), []).append(view)
    ranked = sorted(alike.items(), key=lambda one: -len(one[1]))
    rows = [
        CauseRow(why.text, why.site, tests[:_LINKS], max(0, len(tests) - _LINKS))  # type: ignore[attr-defined]
        for why, tests in ranked[:_CAUSES]
    ]
    return rows, max(0, len(ranked) - _CAUSES)


def _by_file(found: Sequence[View]) -> list[tuple[str, list[View]]]:
    files: dict[str, list[View]] = {}
    for view in found:
        files.setdefault(view.file, []).append(view)
    return list(files.items())


__all__ = ["page", "replayed", "trials"]
