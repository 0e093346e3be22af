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
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_fsfault._core.language.legible import legible
from pytest_fsfault._report.html.axis import LEFT, RIGHT, TimeScale, span
from pytest_fsfault._report.html.templates import render

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pytest_fsfault._report.html.templates import Markup

# More lanes than these are not all drawn.
_MOST_LANES = 12
# Percent of the width: marks that are closer become a comb, and a wait has its length beside it from here on.
_CLOSE, _WIDE, _LABEL = 2.0, 12.0, 9.0
# A lane with more marks than these has combs only.
_MOST_MARKS = 48
# A hold that refused a call is drawn to its end if that is not more than so many times as long as the test.
_FURTHER = 4
# Pixels: the name, the line with its marks, the words under it.
_NAME, _MIDDLE, _HEIGHT, _UNDER, _TOP = 14, 34, 46, 16, 18
# Characters of a name that fit on a wide page, and on a narrow one.
_LONG, _SHORT = 110, 44
_WORST = ("crashed", "raised", "short", "failed", "ok")


class HeldFile(NamedTuple):
    """A file that is held open; `end` is None if it is not known to end. `refused`: it refused a call."""

    lane: str
    start: float
    end: float | None
    text: str
    title: str = ""
    refused: bool = False


class Attempt(NamedTuple):
    """A call; `n` is its number in the journal. A `child` call is one of another process."""

    lane: str
    at: float
    outcome: str
    title: str = ""
    n: int | None = None
    child: bool = False


class Gap(NamedTuple):
    """A wait after a call of the same lane."""

    lane: str
    start: float
    end: float


class Miss(NamedTuple):
    """How much an attempt came too early: from it to the end of the hold."""

    lane: str
    start: float
    end: float


@dataclass
class _Lane:
    name: str
    child: bool = False
    first: float = 0.0
    holds: list[HeldFile] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    waits: list[Gap] = field(default_factory=list)
    misses: list[Miss] = field(default_factory=list)

    @property
    def matters(self) -> bool:
        """Whether something was held or refused here."""
        return bool(self.holds) or any(one.outcome not in ("ok", "passed") for one in self.attempts)


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
    lanes = _lanes(holds, attempts, waits, misses)
    chosen, last = _chosen(lanes), _last(end, holds, attempts)
    ended = ended if end < last else ""
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


def _placed(lanes: Iterable[_Lane], axis: TimeScale, y: float) -> tuple[list[dict[str, Any]], float]:
    """Return the lanes for the template, one below the other, and where the axis is."""
    drawn = []
    for lane in lanes:
        drawn.append(_Drawn(lane, axis, y).values())
        y += drawn[-1]["height"]
    return drawn, y + 4


def _lanes(
    holds: Iterable[HeldFile], attempts: Iterable[Attempt], waits: Iterable[Gap], misses: Iterable[Miss]
) -> list[_Lane]:
    """Return the lanes: those of holds, then those of calls, each in the order of first use."""
    held: dict[str, _Lane] = {}
    for hold in sorted(holds, key=lambda one: one.start):
        held.setdefault(hold.lane, _Lane(hold.lane, first=hold.start)).holds.append(hold)
    called: dict[str, _Lane] = {}
    for attempt in sorted(attempts, key=lambda one: one.at):
        lane = called.setdefault(attempt.lane, _Lane(attempt.lane, child=attempt.child, first=attempt.at))
        lane.attempts.append(attempt)
    for wait in waits:
        if wait.lane in called:
            called[wait.lane].waits.append(wait)
    for miss in misses:
        if miss.lane in called:
            called[miss.lane].misses.append(miss)
    return [*held.values(), *called.values()]


def _chosen(lanes: list[_Lane]) -> list[_Lane]:
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


def describe(lanes: Sequence[_Lane], end: float) -> str:
    """Return in words what a drawing shows."""
    parts = []
    for lane in lanes:
        for hold in lane.holds[:1]:
            until = "on" if hold.end is None else f"to {span(hold.end)}"
            parts.append(f"{lane.name}: {hold.text}, from {span(hold.start)} {until}")
        if lane.attempts:
            counts = Counter(_WORDS.get(one.outcome, one.outcome) for one in lane.attempts)
            told = ", ".join(f"{count} {word}" for word, count in counts.items())
            since, to = lane.attempts[0].at, lane.attempts[-1].at
            when = f"at {span(since)}" if since == to else f"from {span(since)} to {span(to)}"
            parts.append(f"{lane.name}: {told}, {when}")
        parts.extend(f"the last attempt came {span(one.end - one.start)} too early" for one in lane.misses)
    return "; ".join([*parts, f"end at {span(end)}"]) + "."


_WORDS = {
    "ok": "succeeded",
    "passed": "let through",
    "raised": "refused",
    "failed": "failed by itself",
    "short": "short transfer",
    "crashed": "crash",
}


class _Drawn:
    """The places of all parts of one lane, for the template."""

    def __init__(self, lane: _Lane, axis: TimeScale, top: float) -> None:
        self._lane, self._axis = lane, axis
        self._top, self._y = top, top + _MIDDLE
        self._taken = -_LABEL  # where the last words under the line are

    def values(self) -> dict[str, Any]:
        """Return what the template asks for."""
        marks = list(self._marks())
        words = [mark["middle"] for mark in marks if mark["text"]]
        waits = list(self._waits(words))
        below = bool(words) or any(wait["text"] for wait in waits)
        name = legible(self._lane.name)
        return {
            "name": _cut(name, _LONG),
            "short": _cut(name, _SHORT),
            "child": self._lane.child,
            "top": self._top + _NAME,
            "y": self._y,
            "height": _HEIGHT + (_UNDER if below else 0) + (4 if self._lane.holds else 0),
            "holds": [self._hold(one) for one in self._lane.holds[:_MOST_MARKS]],
            "marks": marks,
            "waits": waits,
            "misses": [self._miss(one) for one in self._lane.misses],
        }

    def _hold(self, hold: HeldFile) -> dict[str, Any]:
        x = self._axis.x(hold.start)
        beyond = hold.end is None or hold.end > self._axis.end
        right = RIGHT if hold.end is None or beyond else self._axis.x(hold.end)
        text = hold.text
        if hold.end is not None:
            text += f" · until {span(hold.end)} ▸" if beyond else f" · {span(hold.end - hold.start)}"
        elif beyond:
            text += " ▸"
        width = max(right - x, 0.4)
        until = "no known end" if hold.end is None else span(hold.end)
        title = hold.title or f"{hold.text}, from {span(hold.start)} to {until}"
        return {"x": x, "width": width, "text": text, "title": title, "inside": width >= 2 * _WIDE}

    def _miss(self, miss: Miss) -> dict[str, Any]:
        x, right = self._axis.x(miss.start) + 0.6, self._axis.x(miss.end)
        beyond = miss.end > self._axis.end
        text = f"{span(miss.end - miss.start)} too early" + (" ▸" if beyond else "")
        room = right - x
        place = "inside" if room >= _WIDE + _LABEL else "above" if beyond or right > 70 else "right"
        return {
            "x": x,
            "right": max(right, x),
            "text": text,
            "place": place,
            "line": room > 0.5 and not beyond,
        }

    def _marks(self) -> Iterator[dict[str, Any]]:
        groups = list(_alike(self._lane.attempts, self._axis))
        if sum(len(group) if len(group) < 3 else 1 for group in groups) > _MOST_MARKS:
            groups = list(_near(self._lane.attempts, self._axis))
        for group in groups:
            if len(group) > 2:
                yield self._comb(group)
            else:
                yield from (self._mark(one) for one in group)

    def _mark(self, one: Attempt) -> dict[str, Any]:
        outcome = "ok" if one.outcome == "passed" else one.outcome
        x = self._axis.x(one.at)
        return {"x": x, "right": None, "outcome": outcome, "title": one.title, "n": one.n, "text": ""}

    def _comb(self, group: Sequence[Attempt]) -> dict[str, Any]:
        x, right = self._axis.x(group[0].at), self._axis.x(group[-1].at)
        counts = Counter("ok" if one.outcome == "passed" else one.outcome for one in group)
        worst = next(one for one in _WORST if counts[one])
        told = ", ".join(f"{counts[one]} {_WORDS[one]}" for one in _WORST if counts[one])
        title = f"{told}, {span(group[0].at)} to {span(group[-1].at)}; the first: {group[0].title}"
        right = max(right, min(x + _CLOSE, RIGHT))
        text, middle = f"{len(group)} attempts", (x + right) / 2
        if middle - self._taken < _LABEL:
            text = ""
        else:
            self._taken = middle
        return {
            "x": x, "right": right, "outcome": worst, "title": title, "n": group[0].n, "text": text,
            "middle": min(max(middle, LEFT + _LABEL / 2), RIGHT - _LABEL / 2),
        }  # fmt: skip

    def _waits(self, words: Sequence[float]) -> Iterator[dict[str, Any]]:
        right = -1.0
        for one in sorted(self._lane.waits, key=lambda wait: wait.start):
            x, to = self._axis.x(one.start), self._axis.x(one.end)
            broken = any(cut.start < one.end and one.start < cut.end for cut in self._axis.breaks)
            text = span(one.end - one.start) if to - x >= _WIDE and not broken else ""
            if any(abs((x + to) / 2 - word) < _LABEL for word in words):
                text = ""
            # Waits without a length beside them that follow each other look like one.
            if to - x >= _CLOSE / 2 or x >= right:
                right = to
                yield {"x": x, "right": to, "text": text}


def _alike(attempts: Iterable[Attempt], axis: TimeScale) -> Iterator[list[Attempt]]:
    """Yield runs of attempts with one outcome that are close to each other."""
    group: list[Attempt] = []
    for one in attempts:
        if group and (one.outcome != group[-1].outcome or axis.x(one.at) - axis.x(group[-1].at) >= _CLOSE):
            yield group
            group = []
        group.append(one)
    if group:
        yield group


def _near(attempts: Iterable[Attempt], axis: TimeScale) -> Iterator[list[Attempt]]:
    """Yield the attempts of each stretch that is as wide as two marks."""
    for _, group in groupby(attempts, key=lambda one: int(axis.x(one.at) / (2 * _CLOSE))):
        yield list(group)


def _cut(text: str, most: int) -> str:
    """Return text with its middle left out, if it is long."""
    if len(text) <= most:
        return text
    return f"{text[: most // 3]}…{text[len(text) - most + most // 3 + 1 :]}"
