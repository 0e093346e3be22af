"""One lane of a time line: what belongs to it, and the places of its parts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Any

from pytest_fsfault._core.language.legible import legible
from pytest_fsfault._core.language.rows import Row
from pytest_fsfault._report.html.axis import LEFT, RIGHT, TimeScale, span

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

# Percent of the width: marks that are closer become a comb, and a wait has its length beside it from here on.
_CLOSE, _WIDE, _LABEL = 2.0, 12.0, 9.0
# How wide a letter is, on a page of middle width.
_LETTER = 0.72
# A lane with more marks than these has combs only.
_MOST_MARKS = 48
# Pixels: the name, the line with its marks, the words under it.
_NAME, _MIDDLE, _HEIGHT, _UNDER = 14, 34, 46, 16
# Characters of a name that fit on a wide page, and on a narrow one.
_LONG, _SHORT = 110, 44
_WORST = ("crashed", "raised", "short", "failed", "ok")
#: What becomes of a call, in words.
WORDS = {
    "ok": "succeeded",
    "passed": "let through",
    "raised": "refused",
    "failed": "failed by itself",
    "short": "short transfer",
    "crashed": "crash",
}


class HeldFile(Row):
    """A file that is held open; `end` is None if it is not known to end. `refused`: it refused a call."""

    lane: str
    start: float
    end: float | None
    text: str
    title: str = ""
    refused: bool = False


class Attempt(Row):
    """A call; `n` is its number in the journal. A `child` call is one of another process."""

    lane: str
    at: float
    outcome: str
    title: str = ""
    n: int | None = None
    child: bool = False


class Gap(Row):
    """A wait after a call of the same lane."""

    lane: str
    start: float
    end: float


class Miss(Row):
    """How much an attempt came too early: from it to the end of the hold."""

    lane: str
    start: float
    end: float


@dataclass
class Lane:
    """All that is drawn below one name."""

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


class Drawn:
    """The places of all parts of one lane, for the template."""

    def __init__(self, lane: Lane, axis: TimeScale, top: float) -> None:
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
        right = RIGHT if hold.end is None else self._axis.x(hold.end)
        brief = self._brief(hold)
        text = f"{hold.text} {'' if hold.end is None else '· '}{brief}"
        until = "no known end" if hold.end is None else span(hold.end)
        title = hold.title or f"{hold.text}, from {span(hold.start)} to {until}"
        width = max(right - x, 0.4)
        place = _beside(x, width, len(text) * _LETTER)
        if place == "cut":
            text = f"{text[: int(width / _LETTER) - 1]}…" if width >= _WIDE else ""
        return {"x": x, "width": width, "text": text, "brief": brief, "title": title, "place": place}

    def _brief(self, hold: HeldFile) -> str:
        """Say how long a hold lasts, or until when if that is beyond the drawing."""
        if hold.end is None:
            return "▸"
        if hold.end > self._axis.end:
            return f"until {span(hold.end)} ▸"
        return span(hold.end - hold.start)

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
        told = ", ".join(f"{counts[one]} {WORDS[one]}" for one in _WORST if counts[one])
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


def _beside(x: float, width: float, length: float) -> str:
    """Return where words of a length stand: in their bar, right or left of it, or, without room, in it and cut."""
    if length <= width:
        return "inside"
    if x + width + length <= RIGHT:
        return "right"
    return "left" if length <= x else "cut"


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
