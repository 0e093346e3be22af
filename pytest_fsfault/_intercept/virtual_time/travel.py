"""Get along with time-machine, which changes the functions of `time` in place: who travels reads the time there.

While a test travels in time, the wall clock that `time.time` reads is the traveller's. If it ticks, it ticks in virtual time.
"""

from __future__ import annotations

import sys
from time import time_ns
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_fsfault._core.clock import VirtualClock

# Its name for who travels, since version 3 and before.
_STACKS = ("traveller_stack", "coordinates_stack")


def traveller() -> Any:
    """Return the traveller in force; None if there is none."""
    module = sys.modules.get("time_machine")
    if module is None:
        return None
    found = next((stack for name in _STACKS if (stack := getattr(module, name, None))), None)
    return found[-1] if found else None


def wall_ns() -> int:
    """Return the real wall clock, in nanoseconds since the epoch, also while a test travels."""
    if traveller() is None:
        return time_ns()
    told: int = sys.modules["time_machine"].escape_hatch.time.time_ns()
    return told


def read_ns(one: Any, clock: VirtualClock, spent: int) -> int:
    """Return what a traveller's wall clock shows once the virtual one shows `spent` nanoseconds."""
    shown = time_ns()  # that of the destination, in real time; the first reading starts a traveller's time
    start, history = getattr(one, "_real_start_timestamp_ns", None), clock.stamp_history()
    destination: int | None = getattr(one, "_destination_timestamp_ns", None)
    if not getattr(one, "_tick", False) or start is None or destination is None or history is None:
        return shown
    # Before the clock was there, the traveller's time was real.
    began: int = (clock.stamp_of(max(start, history.start)) or 0) - max(history.start - start, 0)
    return destination + max(spent - began, 0)
