"""The rows that are known to disagree, each with its reason."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_fsfault._commands.conformance.rows import read_text, recorded_with
from pytest_fsfault._core.language.mistakes import FsFaultError, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_fsfault._commands.conformance.rows import RecordedRow
    from pytest_fsfault._commands.conformance.score import Result

_KEYS = {"states", "ops", "python", "reason"}
_NEEDED = ("states", "ops")
_FORM = "write [[exception]] with states, ops, reason and, where it is not for all, python"


class Listed(NamedTuple):
    """The exceptions for one version of Python: the reason of each row, by its state and operation."""

    reasons: dict[tuple[str, str], str]

    def reason(self, row: RecordedRow) -> str | None:
        """Return why a row may disagree; None if it may not."""
        return self.reasons.get((row.state, row.op))

    def unlisted(self, results: Iterable[Result]) -> list[Result]:
        """Return the results that disagree without a reason."""
        return [result for result in results if result.wrong and self.reason(result.row) is None]

    def needless(self, results: Iterable[Result]) -> list[Result]:
        """Return the results that agree though they are listed."""
        return [result for result in results if not result.wrong and self.reason(result.row) is not None]

    def unknown(self, rows: Iterable[RecordedRow]) -> list[tuple[str, str]]:
        """Return what is listed and is not a row."""
        return sorted(self.reasons.keys() - {(row.state, row.op) for row in rows})


def read_exceptions(path: str) -> Listed:
    """Return the exceptions of a TOML file for the running Python; raise FsFaultError for a mistake in it.

    Each ``[[exception]]`` stands for all pairs of its `states` and `ops`, with the record of the versions in
    `python` (of all, if there is none), for one `reason`.
    """
    try:
        found = tomllib.loads(read_text(path, "exceptions"))
    except tomllib.TOMLDecodeError as error:
        raise FsFaultError(f"{path!r} is not valid TOML: {error}; {_FORM}") from None
    entries = found.pop("exception", [])
    if found or not isinstance(entries, list):
        raise FsFaultError(
            f"{path!r} has {sorted(found) or 'exception'!r}, which is not a list of exceptions; {_FORM}"
        )
    reasons: dict[tuple[str, str], str] = {}
    for number, entry in enumerate(entries, 1):
        for (state, op), reason in _pairs(f"{path!r}, exception {number}", entry):
            if (state, op) in reasons:
                raise FsFaultError(
                    f"{path!r}, exception {number}: {op!r} in the state {state!r} is listed twice; list it once"
                )
            reasons[state, op] = reason
    return Listed(reasons)


def _pairs(where: str, entry: Any) -> list[tuple[tuple[str, str], str]]:
    _check(where, entry)
    if recorded_with() not in entry.get("python", [recorded_with()]):
        return []
    return [((state, op), entry["reason"]) for state in entry["states"] for op in entry["ops"]]


def _check_lists(where: str, entry: dict[str, object]) -> None:
    for key in (*_NEEDED, "python"):
        value = entry.get(key, None if key in _NEEDED else ["3.11"])
        if not isinstance(value, list) or not value or not all(isinstance(one, str) for one in value):
            raise FsFaultError(f"{where}: {key!r} is {value!r}, which is not a list of strings; {_FORM}")


def _check(where: str, entry: Any) -> None:
    if not isinstance(entry, dict):
        raise FsFaultError(f"{where}: {entry!r} is not a table; {_FORM}")
    for key in entry:
        if key not in _KEYS:
            raise FsFaultError(f"{where}: unknown key {key!r}{nearest(key, _KEYS) or '; ' + _FORM}")
    _check_lists(where, entry)
    reason = entry.get("reason")
    if not isinstance(reason, str) or not reason.strip():
        raise FsFaultError(f"{where}: 'reason' is {reason!r}, which says nothing; {_FORM}")
