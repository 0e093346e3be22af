"""Change files of our own on Windows, where a scanner or an indexer may have them open for a moment."""

from __future__ import annotations

from time import monotonic, sleep
from typing import TYPE_CHECKING

from pytest_fsfault._host.paths import IGNORES_CASE
from pytest_fsfault._host.restart_manager import refused

if TYPE_CHECKING:
    from collections.abc import Callable

_LIMIT = 1.0  # real seconds; a scanner reads a small file in a fraction of it
_PAUSE = 0.005


def patiently(
    change: Callable[..., object], *paths: str, limit: float = _LIMIT, on_windows: bool = IGNORES_CASE
) -> None:
    """Make a change; on Windows make it again for a second, while it is refused with 5 or 32.

    Raises:
        OSError: what the last try has raised.

    """
    until = monotonic() + limit
    while True:
        try:
            change(*paths)
        except OSError as error:
            if not (on_windows and refused(error) and monotonic() < until):
                raise
        else:
            return
        sleep(_PAUSE)
