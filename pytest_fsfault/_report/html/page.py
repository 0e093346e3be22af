"""The page: the run as a whole, why tests failed, the list, the tests, and the data of what is made when it is asked for.

A page has a budget of elements, so that it is there at once, and one of bytes. What is beyond the first stands in
templates, or is made by the script from JSON; without a script, it is readable in `noscript` as far as the second goes.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from pytest_fsfault._core.language.rows import Row
from pytest_fsfault._report.html.causes import FailureCause, cause
from pytest_fsfault._report.html.data import Data
from pytest_fsfault._report.html.run import advice, facts, figures, heading
from pytest_fsfault._report.html.templates import Markup, elements, render
from pytest_fsfault._report.html.views import View, views

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# Elements of the bodies that are there at first, and of a body in a page that has no other.
_ELEMENTS = 900
# Characters: of bodies in templates, of their copies for readers without a script, of all.
_STORED, _COPIED = 5_000_000, 2_000_000
# Beyond so many tests, or so many with something to show, the list is drawn by the script, and only the headings
# of the first are in the page.
_LISTED, _HEADED, _FIRST = 200, 60, 30
# Failed tests that are open at first (and the first tolerance), and rows of causes.
_OPEN, _CAUSES, _LINKS = 5, 30, 6


class Shown(Row):
    """A test in the page: `body` is empty if it is made when it is opened, from a template or from data."""

    view: View
    body: Markup
    stored: Markup
    copied: Markup
    is_open: bool


class CauseRow(Row):
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
    telling, plain = _parted(found)
    large = len(found) > _LISTED or len(telling) > _HEADED
    first = telling[:_FIRST] if large else telling
    beyond = [view for view in telling[len(first) :] if view.kind == "failed"]
    tests = _placed(first, beyond, alone=len(found) == 1)
    data = Data(found, {one.view.number for one in tests if one.body or one.stored})
    totals = document["totals"]
    return render(
        "page.jinja",
        run=document["run"],
        totals=totals,
        heading=heading(document),
        figures=list(figures(document)),
        advice=advice(document),
        facts=list(facts(document["run"])),
        line=f"pytest {document['run']['arguments']}".strip(),
        causes=_causes(found),
        tests=tests[: len(first)],
        beyond=tests[len(first) :],
        telling=telling,
        plain=_by_file(plain),
        found=found,
        large=large,
        counts=Counter(view.kind for view in found),
        data=data,
        json_link=json_link,
    )


def _parted(found: Sequence[View]) -> tuple[list[View], list[View]]:
    """Return the tests that have something to show, and the others."""
    return [view for view in found if not view.plain], [view for view in found if view.plain]


def _placed(first: Sequence[View], beyond: Sequence[View], *, alone: bool) -> list[Shown]:
    """Return the tests with their bodies: in place while the page is small, else where the script finds them.

    The headings of `first` are in the page; those `beyond` have none.
    """
    room, stored, copied = _ELEMENTS, _STORED, _COPIED
    opened = {one.number for one in first} if alone else _opened(first)
    found: list[Shown] = []
    for view in (*first, *beyond):
        is_open = view.number in opened
        body = view.body(is_open=is_open) if stored > 0 else Markup()
        count = elements(body)
        if count <= room and len(found) < len(first):
            room -= count
            found.append(Shown(view, body, Markup(), Markup(), is_open and bool(body)))
            continue
        copy = _copy(body) if copied > 0 else Markup()
        found.append(Shown(view, Markup(), body, copy, is_open and not found))
        stored -= len(body)
        copied -= len(body)
    return found


def _opened(first: Sequence[View]) -> set[int]:
    """Return the numbers of the tests that are open at first: failed ones, and the first tolerance."""
    failed = [view.number for view in first if view.kind == "failed"]
    patient = [view.number for view in first if view.test["tolerances"]]
    return {*failed[:_OPEN], *patient[:1]}


def _copy(body: Markup) -> Markup:
    """Return a body for readers without a script: one `noscript` holds all of it."""
    return Markup(body.replace("<noscript>", "").replace("</noscript>", ""))


def _causes(found: Sequence[View]) -> tuple[list[CauseRow], int]:
    """Return why tests failed, the most frequent cause first, and how many causes are not listed."""
    alike: dict[FailureCause, list[View]] = {}
    for view in found:
        if view.kind == "failed":
            alike.setdefault(cause(view.test), []).append(view)
    ranked = sorted(alike.items(), key=lambda one: -len(one[1]))
    rows = [
        CauseRow(why.text, why.site, tests[:_LINKS], max(0, len(tests) - _LINKS))
        for why, tests in ranked[:_CAUSES]
    ]
    return rows, max(0, len(ranked) - _CAUSES)


def _by_file(found: Sequence[View]) -> list[tuple[str, list[View]]]:
    files: dict[str, list[View]] = {}
    for view in found:
        files.setdefault(view.file, []).append(view)
    return list(files.items())
