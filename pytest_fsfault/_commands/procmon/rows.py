"""Rows of a log, whatever its format: which columns there have to be, and what one row says."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from pytest_fsfault._core.language.mistakes import FsFaultError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

#: The columns that are needed, by their headings in Process Monitor, in the order of `Row`.
COLUMNS = ("Time of Day", "Process Name", "PID", "Operation", "Path", "Result", "Detail")


class Row(NamedTuple):
    """One event, as texts of the log."""

    time: str
    process: str
    pid: str
    operation: str
    path: str
    result: str
    detail: str


class ProcmonLog(Protocol):
    """A log that can be read from its beginning as often as wanted, row by row."""

    format: str
    size: int

    def rows(self) -> Iterator[Row]:
        """Yield the rows in their order. Raise FsFaultError for a row that is not readable."""
        ...

    def position(self) -> int:
        """Return how many of `size` have been read."""
        ...


def check_columns(name: str, found: Collection[str]) -> None:
    """Raise FsFaultError unless all columns are there."""
    missing = [column for column in COLUMNS if column not in found]
    if len(missing) == len(COLUMNS):
        raise FsFaultError(
            f"{name!r} is not a log of Process Monitor: it has none of the columns {', '.join(COLUMNS)}; "
            "save the log as CSV, XML or PML (File > Save)"
        )
    if missing:
        raise FsFaultError(
            f"{name!r} lacks the column{'s' if len(missing) > 1 else ''} {', '.join(missing)}; needed are "
            f"{', '.join(COLUMNS)}: choose them under Options > Select Columns and save the log again"
        )
