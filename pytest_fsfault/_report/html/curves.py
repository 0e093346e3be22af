"""What a patience is worth: holds that scanners are known for against what a test, and published policies, wait."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from pytest_fsfault._core.language.rows import Row
from pytest_fsfault._report.html.axis import LEFT, RIGHT, limits, span

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

# Seconds at both ends of the drawing, on a logarithmic scale.
_LEAST, _MOST = 0.01, 100.0
_TICKS = (0.01, 0.1, 1.0, 10.0, 100.0)
_POINTS = 40
# How far the 99th percentile of a normal distribution is from its middle, in standard deviations.
_P99 = 2.3263478740408408
_DASHES = ("", "7 4", "2 4", "10 3 2 3")
# Heights in pixels of the curves, and of one scanner in the other drawing.
CURVES, SCANNER = 220, 34
_ROOM = 12.0


class Known(Row):
    """How long one scanner has files open, in seconds: a log-normal distribution, or a range."""

    name: str
    median: float
    p99: float
    span: tuple[float, float] | None
    source: str

    def survived(self, wait: float) -> float:
        """Return which share of its holds ends within `wait` seconds."""
        if wait <= 0:
            return 0.0
        if self.span is not None:
            least, most = self.span
            return 1.0 if wait >= most else max(0.0, (wait - least) / (most - least))
        sigma = math.log(self.p99 / self.median) / _P99
        return 0.5 * (1 + math.erf(math.log(wait / self.median) / (sigma * math.sqrt(2))))

    @property
    def told(self) -> str:
        """Its figures, in words."""
        if self.span is not None:
            return f"any time from {span(self.span[0])} to {span(self.span[1])}"
        return f"median {span(self.median)}, 99th percentile {span(self.p99)}"


class Patience(Row):
    """How long a policy waits at most, in seconds, and how often it calls."""

    name: str
    waits: float
    calls: int


def x(seconds: float) -> float:
    """Return the place of a time on the logarithmic axis, in percent."""
    place = math.log(min(max(seconds, _LEAST), _MOST) / _LEAST) / math.log(_MOST / _LEAST)
    return LEFT + (RIGHT - LEFT) * place


def known(run: Mapping[str, Any]) -> list[Known]:
    """Return the scanners of a run whose figures its data has, the quickest first."""
    found = []
    for one in run.get("scanners", ()):
        median, p99, reach = one.get("median"), one.get("p99"), one.get("range")
        if not median or not p99 or p99 <= median:
            continue
        limits = None if not reach or reach[0] == reach[1] else (float(reach[0]), float(reach[1]))
        found.append(Known(one["name"], median, p99, limits, one.get("source") or ""))
    return sorted(found, key=lambda one: one.median)


def published(run: Mapping[str, Any]) -> list[Patience]:
    """Return the published policies of a run, by how long they wait."""
    found = []
    for one in run.get("policies", ()):
        tries = max((list(tried) for tried in one.get("instants", {}).values()), key=len, default=[])
        if len(tries) > 1:
            found.append(Patience(one["name"], float(tries[-1]), len(tries)))
    return sorted(found, key=lambda one: one.waits)


def share(value: float) -> str:
    """Return a share as people say it; only all of them are 100 %."""
    percent = math.floor(value * 10_000 + 1e-9) / 100
    if percent >= 100:
        return "100 %"
    return f"{percent:.2f} %" if percent > 99 else f"{percent:.1f} %"


def pictures(run: Mapping[str, Any], tolerance: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return what the template draws for a tolerance; None if the data of the run has no scanner."""
    scanners, policies = known(run), published(run)
    if not scanners:
        return None
    own = Patience("yours", float(tolerance["survives"]), int(tolerance["attempts"]))
    curves = _spread(scanners)
    survives, fails = limits(tolerance["survives"], tolerance["fails_at"])
    return {
        "ticks": [(x(tick), span(tick).replace("000 ms", " s"), _anchor(tick)) for tick in _TICKS],
        "scanners": [_row(one, own.waits, index) for index, one in enumerate(scanners)],
        "height": 20 + SCANNER * len(scanners),
        "own": x(own.waits),
        "survives": survives,
        "fails": fails,
        "enough": _enough(scanners, own.waits),
        "curves": [_curve(one, index) for index, one in enumerate(curves)],
        "marks": list(_marks(policies, own)),
        "names": [one.name for one in curves],
        "table": [
            (one, [share(scanner.survived(one.waits)) for scanner in curves]) for one in [own, *policies]
        ],
        "sources": [(one.name, one.told, one.source) for one in scanners],
    }


def _anchor(tick: float) -> str:
    return "" if tick == _LEAST else "end" if tick == _MOST else "mid"


def _row(scanner: Known, waits: float, index: int) -> dict[str, Any]:
    least, most = scanner.span or (scanner.median, scanner.p99)
    return {
        "name": scanner.name, "told": scanner.told, "x": x(least), "width": max(x(most) - x(least), 0.5),
        "dot": scanner.span is None, "y": 48 + SCANNER * index, "share": share(scanner.survived(waits)),
    }  # fmt: skip


def _enough(scanners: Sequence[Known], waits: float) -> str:
    """Say for how many scanners a patience is enough, and how many holds of the others last longer."""
    few = [one for one in scanners if one.survived(waits) < 0.99]
    text = f"Enough for {len(scanners) - len(few)} of {len(scanners)} scanners at their 99th percentile"
    told = [f"{one.name} holds {share(1 - one.survived(waits))} of its files longer" for one in few[-3:]]
    return f"{text}; {', '.join(told)}." if told else f"{text}."


def _spread(scanners: Sequence[Known]) -> list[Known]:
    """Return at most four scanners, from the quickest to the slowest: one for each pattern of dashes."""
    if len(scanners) <= len(_DASHES):
        return list(scanners)
    last = len(scanners) - 1
    return [scanners[round(place * last / (len(_DASHES) - 1))] for place in range(len(_DASHES))]


def _curve(scanner: Known, index: int) -> dict[str, Any]:
    points = []
    for n in range(_POINTS + 1):
        seconds = _LEAST * (_MOST / _LEAST) ** (n / _POINTS)
        points.append(f"{1000 * n / _POINTS:.0f},{CURVES * (1 - scanner.survived(seconds)):.1f}")
    # The name stands where the curve is at its own height, so that names do not lie on each other.
    level = 0.75 - 0.18 * index
    at = next(
        (
            n
            for n in range(_POINTS + 1)
            if scanner.survived(_LEAST * (_MOST / _LEAST) ** (n / _POINTS)) >= level
        ),
        _POINTS,
    )
    place = LEFT + (RIGHT - LEFT) * at / _POINTS
    return {
        "name": scanner.name, "points": " ".join(points), "dash": _DASHES[index], "style": f"c{index}",
        "x": place, "y": 20 + CURVES * (1 - level), "anchor": "end" if place > 80 else "",
    }  # fmt: skip


def _marks(policies: Iterable[Patience], own: Patience) -> Iterator[tuple[float, str, str]]:
    """Yield places of policies with their names; those whose names would lie on another have none."""
    last = [x(own.waits)]
    for one in policies:
        if not one.waits:
            continue
        place = x(one.waits)
        free = all(abs(place - taken) >= _ROOM for taken in last)
        last += [place] if free else []
        yield place, one.name if free else "", "end" if place > 90 else "mid"
