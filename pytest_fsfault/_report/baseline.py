"""The tests that are known to fail under a profile: a file that says by what, readable in a diff."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeVar

from pytest_fsfault._core.language.mistakes import FsFaultError
from pytest_fsfault._core.language.rows import Row

if TYPE_CHECKING:
    from collections.abc import Mapping

_T = TypeVar("_T")

#: The version of the format; a field that goes raises it.
VERSION = 1


class KnownFailure(Row):
    """By what a test fails.

    `error` is the class of the exception that ends it, `winerror` the Windows error behind it, if there is one, and
    `operation` the refused call. `line` tells where, for a reader; `reason` is the user's own.
    """

    error: str
    winerror: int | None = None
    operation: str | None = None
    line: str = ""
    reason: str = ""

    def is_like(self, other: KnownFailure) -> bool:
        """Return whether both are the same failure, wherever it stands in its file."""
        return self[:3] == other[:3]

    def __str__(self) -> str:
        number = "" if self.winerror is None else f" {self.winerror}"
        call = "" if self.operation is None else f" by {self.operation}"
        return f"{self.error}{number}{call}"

    def row(self) -> dict[str, Any]:
        """Return the entry of the file."""
        return {
            "class": self.error,
            "winerror": self.winerror,
            "operation": self.operation,
            "line": self.line,
            "reason": self.reason,
        }


class Baseline(Row):
    """What a file lists: the profile and the seed that it holds for, and the failures by the ID of their test."""

    profile: str
    seed: int
    tests: Mapping[str, KnownFailure]

    def text(self) -> str:
        """Return the file: sorted, one test a line."""
        rows = [
            f"  {json.dumps(name)}: {json.dumps(known.row())}" for name, known in sorted(self.tests.items())
        ]
        tests = "{\n" + ",\n".join(rows) + "\n }" if rows else "{}"
        return (
            f'{{\n "schema": {VERSION},\n "profile": {json.dumps(self.profile)},\n "seed": {self.seed},\n'
            f' "tests": {tests}\n}}\n'
        )


def read_baseline(raw: bytes) -> Baseline:
    """Return what a file says; unknown fields are ignored. Raise FsFaultError for what is wrong with it."""
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise FsFaultError(f"is not JSON: {error}") from None
    if not isinstance(found, dict) or type(found.get("schema")) is not int:
        raise FsFaultError("is not a baseline: it has no number 'schema'")
    if found["schema"] != VERSION:
        raise FsFaultError(
            f"has schema {found['schema']}, and this version of pytest-fsfault reads {VERSION}: install another one"
        )
    tests = _field(found, "tests", dict)
    return Baseline(
        _field(found, "profile", str),
        _field(found, "seed", int),
        {name: _known(name, row) for name, row in tests.items()},
    )


def _field(found: dict[str, object], key: str, kind: type[_T]) -> _T:
    value = found.get(key)
    if type(value) is not kind:
        raise FsFaultError(
            f"is not a baseline: its {key!r} is {value!r}; write it by --fsfault-baseline-write"
        )
    return value


def _known(name: str, row: object) -> KnownFailure:
    if not isinstance(row, dict):
        raise FsFaultError(f"is not a baseline: the entry of {name} is {row!r}, not a table")
    error, winerror, operation = row.get("class"), row.get("winerror"), row.get("operation")
    right = (
        isinstance(error, str)
        and (winerror is None or type(winerror) is int)
        and (operation is None or isinstance(operation, str))
    )
    if not right:
        raise FsFaultError(
            f"is not a baseline: the entry of {name} has to have a text 'class', a number or null 'winerror', "
            "and a text or null 'operation'"
        )
    assert isinstance(error, str)  # noqa: S101  # checked above
    line, reason = row.get("line", ""), row.get("reason", "")
    return KnownFailure(error, winerror, operation, str(line or ""), str(reason or ""))
