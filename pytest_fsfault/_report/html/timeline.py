"""Draw who had which file open, when code tried to use it, and how long it waited: a time line as SVG.

    timeline(
        "a name for the drawing",
        holds=[HeldFile("a.dll", 0.01, 2.13, "defender reads, shares read")],
        attempts=[Attempt("a.dll -> b.dll", 0.3, "raised", "#3 os.rename refused, WinError 5")],
        waits=[Gap("a.dll -> b.dll", 0.3, 0.4)],
        end=0.66,
    )

Times are seconds from the start of the drawing. A lane is the text above it; the same text is the same lane. The outcome
of an attempt is one of `ok`, `passed`, `raised`, `failed`, `short`, `crashed`. The result is markup for a page that
has the shapes of `shapes.jinja` and the styles of `report.css`; all texts are escaped.
"""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from pytest_fsfault._core.language.legible import legible
from pytest_fsfault._report.html.axis import TimeScale, span
from pytest_fsfault._report.html.lanes import WORDS, Attempt, Drawn, Gap, HeldFile, Lane, Miss
from pytest_fsfault._report.html.templates import render

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pytest_fsfault._report.html.templates import Markup

__all__ = ["Attempt", "Gap", "HeldFile", "Miss", "describe", "timeline"]

# More lanes than these are not all drawn.
_MOST_LANES = 12
# A hold that refused a call is drawn to its end if that is not more than so many times as long as the test.
_FURTHER = 4
# Pixels above the first lane for the words at the end of the test.
_TOP = 18


def timeline(
    name: str,
    *,
    holds: Sequence[HeldFile] = (),
    attempts: Sequence[Attempt] = (),
    waits: Sequence[Gap] = (),
    misses: Sequence[Miss] = (),
    end: float,
    ended: str = "",
    identity: str = "timeline",
) -> Markup:
    """Return the drawing as an SVG element.

    Args:
        name: what it shows, for those who do not see it.
        holds: bars, which come first.
        attempts: marks by outcome.
        waits: dotted lines.
        misses: lines from the last attempt to the end of the hold that refused it.
        end: the last second; the axis goes on to the end of a hold that refused a call if that is not far.
        ended: words for a line at `end`, if the axis goes on.
        identity: the prefix of the IDs in the drawing.

    """
    lanes, last = _lanes(holds, attempts, waits, misses), _last(end, holds, attempts)
    chosen, ended = _chosen(lanes), ended if end < last else ""
    axis = TimeScale(last, list(_free(last, waits, attempts)))
    drawn, bottom = _placed(chosen, axis, _TOP if ended else 0)
    return render(
        "timeline.jinja",
        name=legible(name),
        description=legible(describe(chosen, end)),
        identity=identity,
        lanes=drawn,
        more=len(lanes) - len(chosen),
        bottom=bottom,
        axis=axis,
        ended=ended,
        now=axis.x(end),
    )


def _placed(lanes: Iterable[Lane], axis: TimeScale, y: float) -> tuple[list[dict[str, Any]], float]:
    """Return the lanes for the template, one below the other, and where the axis is."""
    drawn = []
    for lane in lanes:
        drawn.append(Drawn(lane, axis, y).values())
        y += drawn[-1]["height"]
    return drawn, y + 4


def _lanes(
    holds: Iterable[HeldFile], attempts: Iterable[Attempt], waits: Iterable[Gap], misses: Iterable[Miss]
) -> list[Lane]:
    """Return the lanes: those of holds, then those of calls, each in the order of first use."""
    held: dict[str, Lane] = {}
    for hold in sorted(holds, key=lambda one: one.start):
        held.setdefault(hold.lane, Lane(hold.lane, first=hold.start)).holds.append(hold)
    called: dict[str, Lane] = {}
    for attempt in sorted(attempts, key=lambda one: one.at):
        lane = called.setdefault(attempt.lane, Lane(attempt.lane, child=attempt.child, first=attempt.at))
        lane.attempts.append(attempt)
    for wait in waits:
        if wait.lane in called:
            called[wait.lane].waits.append(wait)
    for miss in misses:
        if miss.lane in called:
            called[miss.lane].misses.append(miss)
    return [*held.values(), *called.values()]


def _chosen(lanes: list[Lane]) -> list[Lane]:
    if len(lanes) <= _MOST_LANES:
        return lanes
    ranked = [lane for lane in lanes if lane.matters] or lanes
    called = [lane for lane in ranked if lane.attempts]
    # The calls that were refused are the story: holders leave them at least half of the room.
    room = max(_MOST_LANES - len(called), _MOST_LANES // 2)
    return [*[lane for lane in ranked if not lane.attempts][:room], *called][:_MOST_LANES]


def _last(end: float, holds: Iterable[HeldFile], attempts: Iterable[Attempt]) -> float:
    last = max([end, *(attempt.at for attempt in attempts)], default=end)
    further = [hold.end for hold in holds if hold.refused and hold.end is not None]
    return max([last, *(until for until in further if until <= _FURTHER * max(last, 1e-3))])


def _free(end: float, waits: Iterable[Gap], attempts: Sequence[Attempt]) -> Iterator[tuple[float, float]]:
    """Yield the waits in which nothing else was tried, and the longest stretches without any call."""
    times = sorted({0.0, end, *(attempt.at for attempt in attempts)})
    ends = sorted(wait.end for wait in waits)
    for since, to in pairwise(times):
        if attempts and to - since > end / 2:
            inner = [one for one in ends if since < one < to]
            yield since, max(inner, default=to)


def describe(lanes: Sequence[Lane], end: float) -> str:
    """Return in words what a drawing shows."""
    parts = []
    for lane in lanes:
        for hold in lane.holds[:1]:
            until = "on" if hold.end is None else f"to {span(hold.end)}"
            parts.append(f"{lane.name}: {hold.text}, from {span(hold.start)} {until}")
        if lane.attempts:
            counts = Counter(WORDS.get(one.outcome, one.outcome) for one in lane.attempts)
            told = ", ".join(f"{count} {word}" for word, count in counts.items())
            since, to = lane.attempts[0].at, lane.attempts[-1].at
            when = f"at {span(since)}" if since == to else f"from {span(since)} to {span(to)}"
            parts.append(f"{lane.name}: {told}, {when}")
        parts.extend(f"the last attempt came {span(one.end - one.start)} too early" for one in lane.misses)
    return "; ".join([*parts, f"end at {span(end)}"]) + "."
