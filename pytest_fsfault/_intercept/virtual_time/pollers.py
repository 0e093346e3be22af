"""Loops of the standard library that look every now and then whether they are to end: their limits mean nothing."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType

# Module and function. What they call in between to do something is not meant, only their own wait.
_POLLERS = frozenset({("socketserver", "serve_forever"), ("multiprocessing.pool", "_wait_for_updates")})
# Where a wait stands that such a loop has begun: the selector, and the wrappers of this package.
_BETWEEN = ("pytest_fsfault._intercept.", "pytest_fsfault._core.")


def is_idle_poller(ident: int | None) -> bool:
    """Return whether the thread stands in the wait of such a loop."""
    return begun_by_poller(sys._current_frames().get(ident or 0))


def begun_by_poller(frame: FrameType | None) -> bool:
    """Return whether the wait in `frame` was begun by such a loop."""
    while frame is not None:
        module = str(frame.f_globals.get("__name__"))
        if module != "selectors" and not module.startswith(_BETWEEN):
            return (module, frame.f_code.co_name) in _POLLERS
        frame = frame.f_back
    return False
