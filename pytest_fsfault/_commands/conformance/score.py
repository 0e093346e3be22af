"""Compare what was recorded with what happened, and add it up."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_fsfault._commands.conformance.rows import RecordedRow

#: What a row is judged by, and the keys that belong to it.
PARTS = {
    "outcome": ("ok", "exc", "errno", "winerror"),
    "text": ("filename", "filename2", "str"),
    "effect": ("effect", "result"),
}
_MISSING = object()
# The number of an errno is the host's; its name is compared with the outcome.
_NUMBER = re.compile(r"^\[Errno \d+\]")


class Result(NamedTuple):
    """One row, and what happened; `got` has the keys of a record."""

    row: RecordedRow
    got: dict[str, Any]

    def judged(self, part: str) -> bool:
        """Return whether the record says anything about a part."""
        return any(key in self.row.recorded for key in PARTS[part])

    def agrees(self, part: str) -> bool:
        """Return whether what was recorded of a part happened."""
        recorded = self.row.recorded
        keys = [key for key in PARTS[part] if key in recorded]
        return all(_alike(recorded[key]) == _alike(self.got.get(key, _MISSING)) for key in keys)

    @property
    def wrong(self) -> list[str]:
        """The parts that do not agree."""
        return [part for part in PARTS if not self.agrees(part)]

    def lines(self) -> list[str]:
        """Return the row, what was recorded and what happened, each on a line."""
        return [
            f"{self.row.state} | {self.row.op}  (line {self.row.line}, {self.row.source})",
            f"    recorded: {_describe(self.row.recorded)}",
            f"    happened: {_describe(self.got)}",
        ]


class Share(NamedTuple):
    """So many of so many."""

    agreed: int
    judged: int

    @property
    def percent(self) -> float:
        """The share in percent; 100 of nothing."""
        return 100.0 * self.agreed / self.judged if self.judged else 100.0

    def __str__(self) -> str:
        return f"{self.agreed}/{self.judged} {int(self.percent * 100) / 100:.2f} %" if self.judged else "-"


def score(results: Iterable[Result], part: str) -> Share:
    """Return how many results agree in a part, of those whose record says anything about it."""
    agreed = [result.agrees(part) for result in results if result.judged(part)]
    return Share(sum(agreed), len(agreed))


def _alike(value: Any) -> Any:
    """Return a value in which separators and the numbers of the host make no difference."""
    if isinstance(value, str):
        return _NUMBER.sub("[Errno]", value.replace("\\\\", "/").replace("\\", "/"))
    return [_alike(one) for one in value] if isinstance(value, list) else value


def _describe(answer: dict[str, Any]) -> str:
    words = ["ok"] if answer.get("ok") else [str(answer.get("exc")), str(answer.get("errno"))]
    if not answer.get("ok"):
        words.append(str(answer["str"]) if "str" in answer else f"WinError {answer.get('winerror')}")
    if "result" in answer:
        words.append(f"-> {answer['result']!r}")
    if answer.get("effect"):
        words.append(" ".join(answer["effect"]))
    return "  ".join(words)
