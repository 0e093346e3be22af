"""A log that was saved as XML."""

from __future__ import annotations

import os
from collections import deque
from typing import TYPE_CHECKING
from xml.parsers import expat

from pytest_fsfault._commands.procmon.rows import COLUMNS, Row, check_columns
from pytest_fsfault._core.language.mistakes import FsFaultError

if TYPE_CHECKING:
    from collections.abc import Iterator

_CHUNK = 1 << 18
_TAGS = {column.replace(" ", "_"): number for number, column in enumerate(COLUMNS)}
_EVENT, _EVENT_DEPTH = "event", 3  # procmon > eventlist > event


class XmlLog:
    """Reads by pieces, so that a log of any size needs the memory of one piece."""

    format = "XML"

    def __init__(self, path: str) -> None:
        self._path = path
        self._read = 0
        self.size = os.path.getsize(path)

    def rows(self) -> Iterator[Row]:
        """Yield the rows in their order. Raise FsFaultError for XML that is not well-formed, or missing columns."""
        reader = _Reader(self._path)
        self._read = 0
        with open(self._path, "rb") as file:
            while piece := file.read(_CHUNK):
                self._read += len(piece)
                yield from reader.feed(piece)
        yield from reader.feed(b"", last=True)

    def position(self) -> int:
        """Return how many bytes have been read."""
        return self._read


class _Reader:
    """The rows of the pieces that it is fed. What an event holds deeper down, such as its stack, is passed over."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._rows: deque[Row] = deque()
        self._depth = 0
        self._inside = False
        self._fields = [""] * len(COLUMNS)
        self._seen: set[str] = set()
        self._checked = False
        self._text: list[str] = []
        self._parser = expat.ParserCreate()
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.StartDoctypeDeclHandler = self._refuse

    def feed(self, piece: bytes, *, last: bool = False) -> Iterator[Row]:
        """Yield the rows that have become whole."""
        try:
            self._parser.Parse(piece, last)
        except expat.ExpatError as error:
            raise FsFaultError(
                f"{self._path!r} is not well-formed XML: {error}; save the log again, or as CSV"
            ) from None
        while self._rows:
            yield self._rows.popleft()

    def _refuse(self, *_: object) -> None:
        # Process Monitor writes none; entities of a document type can be made to grow without end.
        raise FsFaultError(
            f"{self._path!r} has a document type, which a log of Process Monitor has not; save the log again"
        )

    def _start(self, tag: str, _attributes: object) -> None:
        self._depth += 1
        if self._depth == _EVENT_DEPTH:
            self._inside = tag == _EVENT
            self._fields = [""] * len(COLUMNS)
        elif self._inside and self._depth == _EVENT_DEPTH + 1 and tag in _TAGS:
            self._text = []
            self._parser.CharacterDataHandler = self._text.append

    def _end(self, tag: str) -> None:
        if self._inside and self._depth == _EVENT_DEPTH + 1:
            if tag in _TAGS:
                self._parser.CharacterDataHandler = None
                self._fields[_TAGS[tag]] = "".join(self._text)
            if not self._checked:
                self._seen.add(tag.replace("_", " "))
        elif self._inside and self._depth == _EVENT_DEPTH:
            if not self._checked:
                check_columns(self._path, self._seen)
                self._checked = True
            self._rows.append(Row._make(self._fields))
        self._depth -= 1
