"""The time line as a page for a browser: one file, drawn as the report of a run is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_fsfault._commands.procmon.generated import one_test
from pytest_fsfault._commands.procmon.products import label
from pytest_fsfault._commands.procmon.timeline import counted, fate
from pytest_fsfault._core.language.winerrors import error_name
from pytest_fsfault._host.package import __version__
from pytest_fsfault._report.html.axis import span
from pytest_fsfault._report.html.templates import render
from pytest_fsfault._report.html.timeline import Attempt, HeldFile, timeline
from pytest_fsfault._windows.sharing import words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_fsfault._commands.procmon.causes import Cause
    from pytest_fsfault._commands.procmon.openings import LoggedOpening
    from pytest_fsfault._commands.procmon.refusals import Evidence, Refusal

# Refusals that are drawn, that are open at first, that are listed beside them; openings of one that are listed and drawn.
_DRAWN, _OPEN, _LISTED = 60, 5, 1000
_OPENINGS, _BARS = 30, 8
_SHAPES = {
    "raised": ("raised", "refused", "refused"),
    "ok": ("ok", "ok", "succeeded"),
    "hold": ("hold", "", "held open"),
}


def page(name: str, form: str, evidence: Evidence, found: Sequence[tuple[Refusal, Cause]]) -> str:
    """Return the page of one log."""
    calls = evidence.calls - evidence.elsewhere
    listed = found[_DRAWN : _DRAWN + _LISTED]
    zone = " (UTC)" if form == "PML" else ""
    return render(
        "procmon.jinja",
        version=__version__,
        heading=f"{evidence.process}: {counted(calls, 'call')} refused",
        facts=[
            ("Log", f"{name} ({form}, {counted(evidence.rows, 'row')})"),
            ("Time", f"{evidence.first_text} to {evidence.last_text}{zone}"),
        ],
        refusals=[_refusal(number, *each) for number, each in enumerate(found[:_DRAWN])],
        opened=_OPEN,
        others=[_row(refusal) for refusal, _ in listed],
        left_out=evidence.left_out + sum(refusal.count for refusal, _ in found[_DRAWN + _LISTED :]),
    )


def _row(refusal: Refusal) -> tuple[str, str, str, int]:
    row = refusal.first
    return row.time, f"{row.operation} {_ends(refusal)}", row.result, refusal.count


def _ends(refusal: Refusal) -> str:
    return f"{refusal.first.path} → {refusal.target}" if refusal.target else refusal.first.path


def _refusal(number: int, refusal: Refusal, cause: Cause) -> dict[str, Any]:
    row = refusal.first
    openings = sorted(refusal.holders, key=lambda each: (each not in cause.openings, each.opened))
    start = min([refusal.moments[0], *(each.opened for each in openings[:_BARS])])
    by = refusal.deletion
    asked = (
        [f"{label(by.process)} asked to delete it at {by.time_text}".rstrip(".") + "."]
        if by is not None
        else []
    )
    used = ["raised", *(["ok"] if refusal.succeeded is not None else []), *(["hold"] if openings else [])]
    return {
        "title": f"{row.operation} {_ends(refusal)}",
        "side": f"{row.result}, {counted(refusal.count, 'call')}",
        "say": f"{row.result} (WinError {refusal.code}, {error_name(refusal.code)}): {fate(refusal)}.",
        "more": [*asked, f"{cause.why[:1].upper()}{cause.why[1:]}."],
        "since": next((each.opened_text for each in openings[:_BARS] if each.opened == start), row.time),
        "drawing": _drawing(number, refusal, openings[:_BARS], cause, start),
        "shapes": [_SHAPES[shape] for shape in used],
        "openings": list(_openings(refusal, openings[:_OPENINGS], cause)),
        "further": max(0, len(openings) - _OPENINGS),
        "test": one_test(refusal, cause.scenario, cause.why) if cause.scenario is not None else "",
    }


def _drawing(
    number: int, refusal: Refusal, openings: Sequence[LoggedOpening], cause: Cause, start: float
) -> Any:
    lane = _ends(refusal)
    attempts = [Attempt(lane, moment - start, "raised", "refused") for moment in refusal.moments]
    if refusal.succeeded is not None:
        attempts.append(Attempt(lane, refusal.succeeded - start, "ok", "succeeded"))
    closed = [each.closed for each in openings if each.closed is not None]
    end = max([refusal.last, *closed, *filter(None, [refusal.succeeded])]) - start
    holds = [
        HeldFile(
            each.path, each.opened - start, None if each.closed is None else each.closed - start, _held(each),
            refused=each in cause.openings,
        )
        for each in openings
    ]  # fmt: skip
    name = f"Time line of {refusal.first.operation} {lane}"
    return timeline(name, holds=holds, attempts=attempts, end=max(end, 0.001), identity=f"t{number}-line")


def _held(opening: LoggedOpening) -> str:
    if opening.kind != "handle":
        return f"{label(opening.process)} runs or has loaded it"
    return f"{label(opening.process)}: access {_access(opening)}, shares {words(opening.share)}"


def _access(opening: LoggedOpening) -> str:
    return words(opening.access) if opening.access else "attributes only"


def _openings(refusal: Refusal, openings: Sequence[LoggedOpening], cause: Cause) -> Iterator[dict[str, Any]]:
    for opening in openings:
        own = ", the program itself" if opening.pid == refusal.first.pid else ""
        image = opening.kind != "handle"
        if opening.closed is None:
            end = "the end of the log (not closed)"
        else:
            end = f"{opening.closed_text} ({span(opening.closed - opening.opened)})"
        yield {
            "process": f"{label(opening.process)} [{opening.pid}{own}]",
            "path": opening.path,
            "access": "runs or is loaded" if image else _access(opening),
            "share": "" if image else words(opening.share),
            "start": opening.opened_text,
            "end": end,
            "guilty": opening in cause.openings,
        }
