"""Say on a terminal how far the reading of a log has come."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Self, TextIO

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from pytest_fsfault._commands.procmon.rows import ProcmonLog, Row

_WIDTH = 30
_ROWS = 4096  # between two looks at the clock
_SECONDS = 0.2  # between two drawings


class Progress:
    """A bar on the terminal while a log is read, and nothing in a file or a pipe; the line is blank at the end."""

    def __init__(self, stages: int, stream: TextIO | None = None) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._stages, self._stage = stages, 0
        self._drawn = 0.0
        self._active = self._stream.isatty()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._active and self._drawn:
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def over(self, log: ProcmonLog) -> Iterator[Row]:
        """Yield the rows of a log, which is one stage."""
        rows = log.rows()
        if self._active:
            rows = self._watched(log, rows)
        yield from rows
        self._stage += 1

    def _watched(self, log: ProcmonLog, rows: Iterator[Row]) -> Iterator[Row]:
        for number, row in enumerate(rows):
            if not number % _ROWS and time.monotonic() - self._drawn > _SECONDS:
                self._draw(log.position() / max(log.size, 1))
            yield row

    def _draw(self, part: float) -> None:
        whole = min((self._stage + min(part, 1.0)) / self._stages, 1.0)
        bar = "#" * round(whole * _WIDTH)
        self._stream.write(f"\rreading [{bar:<{_WIDTH}}] {whole:4.0%}")
        self._stream.flush()
        self._drawn = time.monotonic()
