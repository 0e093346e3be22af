"""The axis of a drawing: seconds to percent of its width, with long waits cut short."""

from __future__ import annotations

import math
from bisect import bisect_right
from typing import TYPE_CHECKING

from pytest_fsfault._core.language.rows import Row

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

LEFT, RIGHT = 1.0, 98.0
# Beyond so many times all the rest, a wait is cut short.
_FAR_LONGER = 20
_MOST_BREAKS = 3
# Percent of the width that a shortened wait takes, and a label.
_BREAK = 16.0
_LABEL = 7.0
_TICKS = 6
# Decimals of seconds, at most: nanoseconds.
_DIGITS = 9


class Tick(Row):
    """A labelled place on the axis."""

    x: float
    text: str
    anchor: str


class Break(Row):
    """A stretch that is not drawn to scale."""

    start: float
    end: float
    x: float
    width: float
    text: str


class TimeScale:
    """A mapping of seconds to percent.

    Args:
        end: the last second; the first is 0.
        gaps: stretches that may be cut short: starts and ends in seconds, without anything in between.

    """

    def __init__(self, end: float, gaps: Sequence[tuple[float, float]] = ()) -> None:
        self.end = max(end, 1e-4)
        cuts = sorted(_far_longer(self.end, gaps))
        rest = self.end - sum(to - since for since, to in cuts)
        scale = (RIGHT - LEFT - _BREAK * len(cuts)) / rest
        self._seconds, self._percents = [0.0], [LEFT]
        self.breaks: list[Break] = []
        for since, to in cuts:
            self._go_on(since, self._percents[-1] + (since - self._seconds[-1]) * scale)
            start = self._percents[-1]
            self._go_on(to, start + _BREAK)
            self.breaks.append(Break(since, to, start, _BREAK, span(to - since)))
        self._go_on(self.end, RIGHT)

    def _go_on(self, second: float, percent: float) -> None:
        self._seconds.append(second)
        self._percents.append(percent)

    def x(self, second: float) -> float:
        """Return the place of a second, in percent; what is beyond an end is at that end."""
        second = min(max(second, 0.0), self.end)
        index = min(bisect_right(self._seconds, second), len(self._seconds) - 1)
        since, to = self._seconds[index - 1 : index + 1]
        left, right = self._percents[index - 1 : index + 1]
        return left if to == since else left + (right - left) * (second - since) / (to - since)

    def ticks(self) -> Iterator[Tick]:
        """Yield round seconds, and the end after the last break; none within a break or too close to another."""
        rest = self.end - sum(one.end - one.start for one in self.breaks)
        step = _round_up(rest / _TICKS)
        last = -_LABEL
        for since, to in self._stretches():
            places = [n * step for n in range(math.ceil(since / step - 1e-9), int(to / step + 1e-9) + 1)]
            for second in places or ([to] if to > since else []):
                x = self.x(second)
                if x - last >= _LABEL:
                    last = x
                    yield Tick(x, "0" if not second else tick_text(second, step), _anchor(x))

    def _stretches(self) -> Iterator[tuple[float, float]]:
        since = 0.0
        for one in self.breaks:
            yield since, one.start
            since = one.end
        yield since, self.end


def _anchor(x: float) -> str:
    if x < LEFT + 1:
        return ""
    return "end" if x > RIGHT - 1 else "mid"


def _far_longer(end: float, gaps: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the gaps that are far longer than all the rest of the time, without a little at either end."""
    ranked = sorted(gaps, key=lambda gap: gap[0] - gap[1])[:_MOST_BREAKS]
    for count in range(len(ranked), 0, -1):
        chosen = ranked[:count]
        rest = end - sum(to - since for since, to in chosen)
        shortest = chosen[-1][1] - chosen[-1][0]
        if shortest > _FAR_LONGER * max(rest, 0.0):
            margin = max(rest, shortest * 0.001) * 0.06
            return [(since + margin, to - margin) for since, to in chosen]
    return []


def _round_up(value: float) -> float:
    """Return the next 1, 2 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= value * (1 - 1e-9))


def tick_text(second: float, step: float) -> str:
    """Return a second of an axis with as many digits as its steps have."""
    if step < 1e-3:
        return f"{second * 1000:.{max(0, -math.floor(math.log10(step)) - 3)}f} ms"
    if second >= 1000:
        return f"{second:,.0f} s"
    return f"{second:.{max(0, -math.floor(math.log10(step)))}f} s"


def span(seconds: float) -> str:
    """Return a length of time as people say it."""
    if seconds < 0.001:
        return f"{seconds * 1000:.2g} ms"
    if seconds < 1:
        return f"{seconds * 1000:.3g} ms"
    if seconds < 1000:
        return f"{seconds:.3g} s"
    return f"{seconds:,.0f} s"


def limits(survives: float, fails_at: float | None) -> tuple[str, str]:
    """Return two limits that were found, with as many digits as tell one from the other; the second may be none."""
    digits = 2
    while fails_at is not None and digits < _DIGITS and f"{survives:.{digits}f}" == f"{fails_at:.{digits}f}":
        digits += 1
    return f"{survives:,.{digits}f} s", "" if fails_at is None else f"{fails_at:,.{digits}f} s"
