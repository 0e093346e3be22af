"""The time line as text: each refusal, who had the files open then, and a bar for each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_fsfault._commands.procmon.openings import folded
from pytest_fsfault._commands.procmon.products import label
from pytest_fsfault._core.language.winerrors import error_name
from pytest_fsfault._windows.sharing import letters

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_fsfault._commands.procmon.causes import Cause
    from pytest_fsfault._commands.procmon.openings import LoggedOpening
    from pytest_fsfault._commands.procmon.refusals import Evidence, Refusal

_WIDTH = 40
_MOST_SHOWN = 8  # openings of one refusal


def lines(
    name: str, form: str, evidence: Evidence, causes: Sequence[tuple[Refusal, Cause]], below: str
) -> Iterator[str]:
    """Yield the whole report."""
    zone = ", times in UTC" if form == "PML" else ""
    span = f", {evidence.first_text} to {evidence.last_text}{zone}" if evidence.rows else ""
    yield f"{name}: {form}, {counted(evidence.rows, 'row')}{span}"
    where = f" on {below} and below" if below else ""
    calls = evidence.calls - evidence.elsewhere
    if not calls:
        also = f" ({counted(evidence.elsewhere, 'call')} elsewhere)" if evidence.elsewhere else ""
        yield f"{evidence.process}: no call was refused{where}{also}"
        return
    yield f"{evidence.process}: {counted(calls, 'call')} refused{where}"
    for refusal, cause in causes:
        yield ""
        yield from _refusal(refusal, cause)
    if evidence.left_out:
        yield ""
        yield f"... {counted(evidence.left_out, 'further call')} on other paths; narrow them by --below PATH"


def _refusal(refusal: Refusal, cause: Cause) -> Iterator[str]:
    row = refusal.first
    error = f"WinError {refusal.code}, {error_name(refusal.code)}"
    yield f"{row.time}  {_plain(row.process)} [{_plain(row.pid)}]  {_plain(row.operation)}  {row.result} ({error})"
    yield f"    {_plain(row.path)}"
    if refusal.target:
        yield f"    to {_plain(refusal.target)}"
    yield f"    {fate(refusal)}"
    if refusal.deletion is not None:
        by = refusal.deletion
        yield f"    {label(by.process)} [{_plain(by.pid)}] asked to delete it at {by.time_text}"
    shown = sorted(refusal.holders, key=lambda each: (each not in cause.openings, each.opened))
    start, end = _span(refusal, shown[:_MOST_SHOWN])
    if shown:
        yield "    open then:"
    for opening in shown[:_MOST_SHOWN]:
        yield from _opening(refusal, opening, opening in cause.openings, start, end)
    if len(shown) > _MOST_SHOWN:
        yield f"        ... {len(shown) - _MOST_SHOWN} more"
    if shown:
        yield f"        |{_marks(refusal, start, end)}| x refused{', o succeeded' if refusal.succeeded else ''}"
    else:
        yield "    open then: nothing that the log shows"
    yield f"    {cause.why}"


def fate(refusal: Refusal) -> str:
    """Return how often a call was refused, and whether it came through in the end."""
    often = (
        "refused once" if refusal.count == 1 else f"refused {refusal.count} times until {refusal.last_text}"
    )
    if refusal.succeeded is None:
        return f"{often}; the log shows no success"
    return f"{often}; succeeded at {refusal.succeeded_text}, {refusal.succeeded - refusal.moments[0]:.3f} s later"


def _opening(
    refusal: Refusal, opening: LoggedOpening, guilty: bool, start: float, end: float
) -> Iterator[str]:
    own = ", the program itself" if opening.pid == refusal.first.pid else ""
    how = (
        f"access {_bits(opening.access, 'attributes only')}, share {_bits(opening.share, 'nothing')}"
        if opening.kind == "handle"
        else "running or loaded"
    )
    where = "" if folded(opening.path) == folded(refusal.first.path) else f"  {_plain(opening.path)}"
    if opening.closed is None:
        until, lasted = "not closed before the log ends", ""
    else:
        until, lasted = opening.closed_text, f" ({opening.closed - opening.opened:.3f} s)"
    yield f"        {label(opening.process)} [{_plain(opening.pid)}{own}]  {how}{where}"
    verdict = "refuses the call" if guilty else "does not refuse it"
    yield f"        |{_bar(opening, start, end)}| {opening.opened_text} to {until}{lasted}; {verdict}"


def _bits(bits: int, none: str) -> str:
    return letters(bits) or none


def _span(refusal: Refusal, openings: Sequence[LoggedOpening]) -> tuple[float, float]:
    moments = [refusal.moments[0], refusal.last]
    moments += [moment for moment in (refusal.succeeded,) if moment is not None]
    starts = [opening.opened for opening in openings]
    ends = [opening.closed for opening in openings if opening.closed is not None]
    start, end = min(moments + starts), max(moments + ends)
    # Who never lets go is drawn to the edge, a little beyond what else happens.
    return start, max(end, start + 0.001) + (end - start) * 0.05


def _column(moment: float, start: float, end: float) -> int:
    return min(max(int((moment - start) / (end - start) * _WIDTH), 0), _WIDTH - 1)


def _bar(opening: LoggedOpening, start: float, end: float) -> str:
    first = _column(opening.opened, start, end)
    last = _WIDTH - 1 if opening.closed is None else _column(opening.closed, start, end)
    return (" " * first + "=" * (last - first + 1)).ljust(_WIDTH)


def _marks(refusal: Refusal, start: float, end: float) -> str:
    marks = [" "] * _WIDTH
    for moment in [*refusal.moments, refusal.last]:
        marks[_column(moment, start, end)] = "x"
    if refusal.succeeded is not None:
        marks[_column(refusal.succeeded, start, end)] = "o"
    return "".join(marks)


def counted(count: int, noun: str) -> str:
    """Return a number with its noun."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _plain(text: str) -> str:
    """Return a text of the log without what would act on a terminal."""
    return "".join(character if character.isprintable() else "?" for character in text)
