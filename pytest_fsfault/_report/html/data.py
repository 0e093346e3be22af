"""What the script of the page reads: a line for each test, and packets of journals, each read when it is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_fsfault._report.html.journal import LONG, Strings, packed
from pytest_fsfault._report.html.templates import Markup, embedded

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pytest_fsfault._report.html.views import View

# Tests of one packet, and characters of all of them.
_PACKET, _MOST = 100, 13_000_000
# Errors that a made body lists.
_ERRORS = 20


class Data:
    """The data of all tests.

    Args:
        found: the tests.
        drawn: the numbers of those whose bodies are in the page, or in templates.

    Attributes:
        index: for each test its kind, file, name, note, and words for the filter.
        packets: for each hundred tests their journals, and all else that a made body shows.
        cut: how many tests have lost their journals, since the page would be too long.

    """

    def __init__(self, found: Sequence[View], drawn: set[int]) -> None:
        self.index = embedded([_indexed(view) for view in found])
        self.packets: list[Markup] = []
        self.size = _PACKET
        self.cut = 0
        room = _MOST
        for start in range(0, len(found), _PACKET):
            part = _packet(found[start : start + _PACKET], drawn, whole=room > 0)
            self.cut += 0 if room > 0 else len(found[start : start + _PACKET])
            room -= len(part)
            self.packets.append(part)


def _indexed(view: View) -> list[Any]:
    return [view.kind, view.file, view.name, view.answer.brief[:120], view.words]


def _packet(found: Iterable[View], drawn: set[int], *, whole: bool) -> Markup:
    strings = Strings()
    tests: dict[str, Any] = {}
    for view in found:
        entry = {} if view.number in drawn else _made(view)
        rows = view.journal.rows
        if rows and (entry or len(rows) > LONG):
            entry["rows"] = packed(rows, strings) if whole else []
            entry["calls"] = len(view.journal.calls)
        if entry:
            tests[str(view.number)] = entry
    return embedded({"texts": strings.all, "tests": tests})


def _made(view: View) -> dict[str, Any]:
    """Return all that the script needs to make a body."""
    found = view.answer
    return {
        "say": str(found.say.striptags()),
        "more": [str(sentence.striptags()) for sentence in found.more],
        "tone": found.tone,
        "line": view.test["reproduce"],
        "side": view.side,
        "errors": [[error.text, error.times, error.others] for error in view.journal.errors[:_ERRORS]],
        "failure": view.test["failure"]["text"][:4000] if view.test["failure"] else "",
    }
