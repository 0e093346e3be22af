"""Waits that are known by where a thread stands in its code.

Loops of the standard library look every now and then whether they are to end: their limits mean nothing. Who waits for
a thread of this package, which does something in its place, is at work as long as that lasts.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import CodeType, FrameType

# Module and function. What they call in between to do something is not meant, only their own wait.
_POLLERS = frozenset({("socketserver", "serve_forever"), ("multiprocessing.pool", "_wait_for_updates")})
# Where a wait stands that such a loop has begun: the selector, and the wrappers of this package.
_BETWEEN = ("pytest_fsfault._intercept.", "pytest_fsfault._core.")

#: The functions of this package that wait for a thread of its own, which works for the caller.
WAITS_FOR_WORK: set[CodeType] = set()


def waits_for_work(ident: int | None) -> bool:
    """Return whether the thread stands in one of these functions."""
    frame = sys._current_frames().get(ident or 0)
    return frame is not None and frame.f_code in WAITS_FOR_WORK


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
