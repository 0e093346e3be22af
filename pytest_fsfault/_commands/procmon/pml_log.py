"""A log in Process Monitor's own format, read by procmon-parser."""

from __future__ import annotations

import os
import struct
from importlib import import_module
from typing import TYPE_CHECKING, Any

from pytest_fsfault._commands.procmon.rows import Row
from pytest_fsfault._core.language.mistakes import FsFaultError

if TYPE_CHECKING:
    from collections.abc import Iterator

SIGNATURE = b"PML_"
# Other classes (registry, network, profiling) say nothing about files.
_CLASSES = frozenset({"File_System", "Process"})
# What procmon-parser raises for a file that is damaged; it documents PMLError alone.
_DAMAGED = (
    RuntimeError,
    NotImplementedError,
    ValueError,
    LookupError,
    struct.error,
    TypeError,
    OverflowError,
)


class PmlLog:
    """Reads event by event. Times are those of UTC, as the format keeps them."""

    format = "PML"

    def __init__(self, path: str) -> None:
        self._path = path
        self._read = 0
        self.size = os.path.getsize(path)
        try:
            self._parser: Any = import_module("procmon_parser")  # for who has such a log
        except ImportError:
            raise FsFaultError(
                f"{path!r} is a PML file, which needs procmon-parser; install it with: "
                'pip install "pytest-fsfault[procmon]", or save the log as CSV'
            ) from None

    def rows(self) -> Iterator[Row]:
        """Yield the rows about files and processes. Raise FsFaultError for a file that is damaged."""
        with open(self._path, "rb") as file:
            try:
                events = self._parser.ProcmonLogsReader(file, should_get_stacktrace=False)
                self.size = len(events)
                for self._read, event in enumerate(events, 1):
                    if event.event_class.name in _CLASSES:
                        yield self._row(event)
            except _DAMAGED as error:
                raise FsFaultError(
                    f"{self._path!r} is not readable as PML: {error}; open it in Process Monitor and save it as CSV"
                ) from None

    def _row(self, event: Any) -> Row:
        texts = event.get_compatible_csv_info()
        return Row(
            texts["Time of Day"], texts["Process Name"], texts["PID"], texts["Operation"], texts["Path"],
            texts["Result"], texts["Detail"],
        )  # fmt: skip

    def position(self) -> int:
        """Return how many events have been read."""
        return self._read
