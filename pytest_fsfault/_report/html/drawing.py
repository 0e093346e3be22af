"""The time line of one test: what the data of a run says, as the lists that the drawing takes."""

from __future__ import annotations

import re
from bisect import bisect_right
from itertools import groupby
from typing import TYPE_CHECKING, Any

from pytest_fsfault._core.language.rows import Row
from pytest_fsfault._report.html.axis import span
from pytest_fsfault._report.html.journal import ends, process_names
from pytest_fsfault._report.html.timeline import Attempt, Gap, HeldFile, Miss, timeline

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from pytest_fsfault._report.html.templates import Markup

_BITS = ((1, "read", "reads"), (2, "write", "writes"), (4, "delete", "may delete"))
_KINDS = {
    "image": "is running",
    "library": "is loaded",
    "section": "is mapped",
    "directory": "is being listed",
    "cwd": "is a current directory",
    "watch": "is being watched",
}
# How the reason of a refusal tells of a hold that the data does not list.
_TOLD = re.compile(
    r"(?P<name>[^:]+?) is (?P<how>held|running|loaded|mapped|being listed|being watched|a current directory)"
    r"(?: by (?P<by>.+?))? for another (?P<left>[\d.]+) (?P<unit>ms|s)\b"
)
_SHAPES = {
    "ok": ("ok", "ok", "call succeeded"),
    "raised": ("raised", "refused", "refused (injected)"),
    "failed": ("failed", "warn", "failed by itself"),
    "short": ("short", "refused", "short transfer"),
    "crashed": ("crashed", "crashed", "crash"),
    "hold": ("hold", "", "held open"),
    "wait": ("wait", "soft", "wait"),
}


# Outcomes that have the shape of another.
_ALIKE = {"ok": "passed"}


class KnownHold(Row):
    """A hold that is listed in the data of a run, or found in the reason of a refusal."""

    number: int | None
    path: str
    who: str
    text: str
    start: float
    end: float | None
    refused: bool


class Drawing(Row):
    """A time line, and the shapes that it uses: their names, styles and words."""

    svg: Markup
    shapes: list[tuple[str, str, str]]


def draw(test: Mapping[str, Any], name: str, identity: str, row_of: Mapping[int, int]) -> Drawing | None:
    """Return the time line of a test; None if it has nothing to show, or several times of its own.

    `row_of` gives for a call the first one of its row in the journal, with which its mark lights up.
    """
    calls = test["calls"]
    holds = known_holds(test)
    if test["sweeps"] or test["tolerances"] or not (holds or any(map(_is_bad, calls))):
        return None
    lanes = _Lanes(test, row_of)
    attempts, waits = list(lanes.attempts()), list(lanes.waits())
    svg = timeline(
        f"Time line of {name}",
        holds=[HeldFile(one.path, one.start, one.end, one.text, refused=one.refused) for one in holds],
        attempts=attempts,
        waits=waits,
        misses=list(_misses(calls, holds, lanes)),
        end=test["virtual_end"],
        ended="test ended",
        identity=identity,
    )
    used = {one.outcome for one in attempts} | {"hold" for _ in holds} | {"wait" for _ in waits}
    return Drawing(svg, _shapes(used))


def _shapes(used: set[str]) -> list[tuple[str, str, str]]:
    return [shape for key, shape in _SHAPES.items() if used & {key, _ALIKE.get(key, key)}]


def _is_bad(call: Mapping[str, Any]) -> bool:
    return call["outcome"] not in ("ok", "passed")


def known_holds(test: Mapping[str, Any]) -> list[KnownHold]:
    """Return who had which file open: as the data lists it; what only reasons tell of is added."""
    refusing = {call["hold"] for call in test["calls"]}
    listed = [
        KnownHold(
            hold["n"], hold["path"], holder(hold), _words(hold), hold["from"], hold["to"],
            hold["n"] in refusing or hold["met"],
        )
        for hold in test["holds"]
    ]  # fmt: skip
    return listed + list(_told(call for call in test["calls"] if call["hold"] is None) if not listed else [])


def holder(hold: Mapping[str, Any]) -> str:
    """Return who has a file open."""
    return str(hold["by"] or hold["scanner"] or "another process")


def _words(hold: Mapping[str, Any]) -> str:
    if hold["kind"] in _KINDS:
        return " ".join(filter(None, [_KINDS[hold["kind"]], f"by {hold['by']}" if hold["by"] else ""]))
    if not hold["access"]:
        return f"{holder(hold)} has it open (attributes only)"
    does = " and ".join(verb for bit, _, verb in _BITS if hold["access"] & bit)
    words = [word for bit, word, _ in _BITS if hold["share"] & bit]
    shares = "everything" if len(words) == len(_BITS) else " and ".join(words) or "nothing"
    return f"{holder(hold)} {does}, shares {shares}"


def _told(calls: Iterable[Mapping[str, Any]]) -> Iterator[KnownHold]:
    """Yield the holds of which the reasons of refusals tell, from the first refusal on."""
    seen: dict[tuple[str, str, float], tuple[float, str, float]] = {}
    for call in calls:
        found = told_hold(call)
        if found is not None:
            name, who, text, until = found
            seen.setdefault((name, who, round(until, 1)), (call["at"], text, until))
    for (name, who, _), (since, text, until) in seen.items():
        yield KnownHold(None, name, who, text, since, until, refused=True)


def told_hold(call: Mapping[str, Any]) -> tuple[str, str, str, float] | None:
    """Return the file, its holder, what it does, and until when, as the reason of a refusal tells."""
    found = _TOLD.search(call["reason"])
    if found is None or call["outcome"] not in ("raised", "failed"):
        return None
    left = float(found["left"]) * (0.001 if found["unit"] == "ms" else 1)
    who = found["by"] or "another process"
    how = f"held by {who}" if found["how"] == "held" else f"is {found['how']}"
    return found["name"].strip().rpartition(": ")[2], who, how, call["at"] + left


class _Lanes:
    """Which call belongs to which lane: one for each path and target, one for each other process."""

    def __init__(self, test: Mapping[str, Any], row_of: Mapping[int, int]) -> None:
        self._test = test
        self._row_of = row_of
        self._names = process_names(test)
        counts: dict[int, int] = {}
        for call in test["calls"]:
            counts[call["process"]] = counts.get(call["process"], 0) + 1
        children = {one["pid"] for one in test["processes"]}
        own = [pid for pid in counts if pid not in children]
        self._main = own[0] if own else None

    def of(self, call: Mapping[str, Any]) -> str:
        """Return the lane of a call."""
        if not self._is_child(call):
            return ends(call)
        if call["program"] is not None:
            return f"{call['program']}: {call['operation']} (native, process {call['process']})"
        return f"{self._names.get(call['process'], 'child')} (process {call['process']}): {ends(call)}"

    def _is_child(self, call: Mapping[str, Any]) -> bool:
        return call["program"] is not None or (self._main is not None and call["process"] != self._main)

    def attempts(self) -> Iterator[Attempt]:
        """Yield the calls as marks."""
        for call in self._test["calls"]:
            child = self._is_child(call)
            row = self._row_of.get(call["n"], call["n"])
            yield Attempt(self.of(call), call["at"], call["outcome"], _title(call), row, child=child)

    def waits(self) -> Iterator[Gap]:
        """Yield the waits, each on the lane of the call before it in its thread."""
        by_thread: dict[tuple[int, int], list[tuple[float, str]]] = {}
        for call in self._test["calls"]:
            place = (call["process"], call["thread"])
            by_thread.setdefault(place, []).append((call["at"], self.of(call)))
        for wait in self._test["waits"]:
            calls = by_thread.get((wait["process"], wait["thread"]), [])
            index = bisect_right([at for at, _ in calls], wait["from"] + 1e-9)
            if index:
                yield Gap(calls[index - 1][1], wait["from"], wait["to"])


def _title(call: Mapping[str, Any]) -> str:
    error = call["error"]
    code = f", {short_error(error)}" if error else ""
    became = {"ok": "succeeded", "passed": "let through", "raised": "refused", "failed": "failed by itself"}
    told = became.get(call["outcome"], call["outcome"])
    return f"#{call['n']} {call['operation']} {ends(call)} {told}{code}, at {span(call['at'])}"


def short_error(error: Mapping[str, Any]) -> str:
    """Return the number of an error as people name it."""
    if error["winerror"] is not None:
        return f"WinError {error['winerror']}"
    return str(error.get("name") or (f"errno {error['errno']}" if error["errno"] else error["class"]))


def hold_of(call: Mapping[str, Any], holds: Sequence[KnownHold]) -> KnownHold | None:
    """Return the hold that refused a call, if it is known."""
    if call["hold"] is not None:
        return next((one for one in holds if one.number == call["hold"]), None)
    found = told_hold(call)
    if found is None:
        return None
    name, who, text, until = found
    listed = [one for one in holds if one.end is not None and abs(one.end - until) < 0.05]
    return listed[0] if listed else KnownHold(None, name, who, text, call["at"], until, refused=True)


def _misses(calls: Sequence[Mapping[str, Any]], holds: Sequence[KnownHold], lanes: _Lanes) -> Iterator[Miss]:
    """Yield for each lane whose last attempt met a hold how much it came too early."""
    named = sorted(((lanes.of(call), call) for call in calls), key=lambda one: one[0])
    for lane, group in groupby(named, key=lambda one: one[0]):
        last = max((call for _, call in group), key=lambda call: (call["at"], call["n"]))
        hold = hold_of(last, holds) if last["outcome"] in ("raised", "failed") else None
        if hold is not None and hold.end is not None and hold.end > last["at"]:
            yield Miss(lane, last["at"], hold.end)
