"""Recorded rows: one operation in one state, and what Windows answered."""

from __future__ import annotations

import json
import sys
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_fsfault._commands.conformance.states import find_state
from pytest_fsfault._core.language.mistakes import FsFaultError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType

#: The newest Python that has a record of its own; later ones use its.
_NEWEST = 13
_NEEDED = {"state": str, "op": str, "ok": bool}
_FORM = 'write rows such as {"state": "missing", "op": "os.remove(p)", "ok": false, ...}, one a line'


class RecordedRow(NamedTuple):
    """One line of a record.

    `recorded` has the keys of the line: `ok`, `exc`, `errno` (its name), `winerror`, `filename`, `filename2`,
    `str`, `effect` and `result`; a key that is not there was not recorded, and is not compared.
    """

    line: int
    state: str
    op: str
    source: str
    recorded: dict[str, Any]


def recorded_with() -> str:
    """Return the version whose record the running Python is held against, such as ``"3.13"``."""
    return f"3.{min(sys.version_info.minor, _NEWEST)}"


def read_rows(path: str) -> list[RecordedRow]:
    """Return the rows of a file, one JSON object a line. Raise FsFaultError for the first wrong line."""
    rows = [
        _row(path, number, line) for number, line in enumerate(_lines(path), 1) if not line.isspace() and line
    ]
    if not rows:
        raise FsFaultError(f"{path!r} has no rows; {_FORM}")
    return rows


def read_text(path: str, what: str) -> str:
    """Return the text of a file; raise FsFaultError, with the name of `what` was wanted, if it has none."""
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError as error:
        raise FsFaultError(f"{path!r} is not readable: {error.strerror}; name a file of {what}") from None
    except UnicodeDecodeError:
        raise FsFaultError(f"{path!r} is not text in UTF-8; name a file of {what}") from None


def _lines(path: str) -> Iterator[str]:
    # JSON allows U+2028 and its like within a line, at which splitlines() would cut.
    return iter(read_text(path, "recorded rows").split("\n"))


def _row(path: str, number: int, line: str) -> RecordedRow:
    where = f"{path!r}, line {number}"
    try:
        found = json.loads(line)
    except ValueError as error:
        raise FsFaultError(f"{where}: it is not valid JSON ({error}); {_FORM}") from None
    if not isinstance(found, dict):
        raise FsFaultError(f"{where}: {line.strip()!r} is not a JSON object; {_FORM}")
    for key, kind in _NEEDED.items():
        if not isinstance(found.get(key), kind):
            raise FsFaultError(
                f"{where}: {key!r} is {found.get(key)!r}, which is not a {kind.__name__}; {_FORM}"
            )
    effect = found.get("effect", [])
    if not isinstance(effect, list) or not all(isinstance(entry, str) for entry in effect):
        raise FsFaultError(f"{where}: 'effect' is {effect!r}, which is not a list of strings; {_FORM}")
    state, op = found.pop("state"), found.pop("op")
    try:
        find_state(state)
        compiled(op)
    except FsFaultError as error:
        raise FsFaultError(f"{where}: {error}") from None
    return RecordedRow(number, state, op, str(found.pop("source", "unknown")), found)


@cache
def compiled(op: str) -> CodeType:
    """Return the code of an operation, which is one Python expression."""
    try:
        return compile(op, "<op>", "eval")
    except (SyntaxError, ValueError):
        raise FsFaultError(
            f"the operation {op!r} is not a Python expression; write one such as 'os.remove(p)'"
        ) from None
