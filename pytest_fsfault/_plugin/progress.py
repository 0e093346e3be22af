"""Tell on a terminal how far a sweep is that takes long; a log gets nothing of it."""

from __future__ import annotations

import os
import sys
from contextlib import nullcontext
from time import monotonic
from typing import Any

#: Real seconds after which progress is shown, and between two lines.
PATIENCE = 5.0
INTERVAL = 0.25
# Up one line, and to the end of what pytest has written there.
_BACK = "\r\x1b[K\x1b[A"


class SweepProgress:
    """One line below pytest's own, which goes with the sweep. `config` is pytest's configuration."""

    def __init__(self, config: Any) -> None:
        self._config = config
        self._since: float | None = None
        self._last = 0.0
        self._shown = False

    def tell(self, text: str) -> None:
        """Show a text, once the sweep has lasted a while; an empty one ends it."""
        if not text:
            self._end()
            return
        now = monotonic()
        if self._since is None:
            self._since = now
        if now - self._since >= PATIENCE and now - self._last >= INTERVAL:
            self._last = now
            self._write(text)

    def _end(self) -> None:
        shown, self._since, self._shown = self._shown, None, False
        if shown:
            self._write("")

    def _write(self, text: str) -> None:
        manager = self._config.pluginmanager
        reporter = manager.getplugin("terminalreporter")
        if reporter is None or not reporter.isatty or os.environ.get("TERM") == "dumb":
            return
        capture = manager.getplugin("capturemanager")
        with _aside(), nullcontext() if capture is None else capture.global_and_fixture_disabled():
            terminal = reporter._tw
            start = "\r\x1b[K" if self._shown else "\n"
            column = terminal.width_of_current_line
            back = _BACK + (f"\x1b[{column}C" if column else "")
            terminal._file.write(start + text[: terminal.fullwidth - 1] if text else back)
            terminal.flush()
        self._shown = bool(text)


def _aside() -> Any:
    """Return a context in which no session acts."""
    module = sys.modules.get("pytest_fsfault._intercept.interceptor")
    return nullcontext() if module is None else module.interceptor().all_shut()
