"""A log that was saved as CSV."""

from __future__ import annotations

import csv
import io
import os
from operator import itemgetter
from typing import TYPE_CHECKING

from pytest_fsfault._commands.procmon.rows import COLUMNS, Row, check_columns
from pytest_fsfault._core.language.mistakes import FsFaultError

if TYPE_CHECKING:
    from collections.abc import Iterator

_BYTE_ORDER_MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
# Process Monitor separates by commas; a spreadsheet that saves the file again, by what its language has.
_SEPARATORS = ",;\t"
_LONGEST_FIELD = (
    1 << 24
)  # command lines and paths are far below; a quote that never ends is not read for ever


class CsvLog:
    """Reads by lines, so that a log of any size needs the memory of one row."""

    format = "CSV"

    def __init__(self, path: str) -> None:
        self._path = path
        self._file: io.BufferedReader | None = None
        self.size = os.path.getsize(path)

    def rows(self) -> Iterator[Row]:
        """Yield the rows in their order. Raise FsFaultError for missing columns, or a file that is not text."""
        with open(self._path, "rb") as file:
            self._file = file
            encoding = _BYTE_ORDER_MARKS.get(file.read(2), "utf-8-sig")
            file.seek(0)
            text = io.TextIOWrapper(file, encoding, errors="replace", newline="")
            limit = csv.field_size_limit(_LONGEST_FIELD)
            try:
                yield from self._read(text)
            except (csv.Error, UnicodeError) as error:
                raise FsFaultError(f"{self._path!r} is not readable as CSV: {error}") from None
            finally:
                csv.field_size_limit(limit)
                self._file = None

    def _read(self, text: io.TextIOWrapper) -> Iterator[Row]:
        first = text.readline()
        separator = max(_SEPARATORS, key=first.count)
        heading = next(csv.reader([first], delimiter=separator), [])
        check_columns(self._path, heading)
        pick = itemgetter(*(heading.index(column) for column in COLUMNS))
        for fields in csv.reader(text, delimiter=separator):
            try:
                yield Row._make(pick(fields))
            except IndexError:
                continue  # a line that is blank or was cut short

    def position(self) -> int:
        """Return how many bytes have been read."""
        return self._file.tell() if self._file is not None else self.size
