"""Get along with time-machine, which changes the functions of `time` in place: who travels reads the time there.

While a test travels in time, the wall clock that `time.time` reads is the traveller's. If it ticks, it ticks in virtual time.
"""

from __future__ import annotations

import sys
import time
from time import time_ns
from types import BuiltinFunctionType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from types import ModuleType

    from pytest_fsfault._core.clock import VirtualClock

# Its part in C, which takes the functions of `time` for those of C, whatever they are, and changes their memory.
MODULE = "_time_machine"
# Its name for who travels, since version 3 and before.
_STACKS = ("traveller_stack", "coordinates_stack")


_deferred: list[tuple[ModuleType, Callable[[], None]]] = []


def change_now() -> None:
    """Have the functions of `time` changed while they are those of C.

    Up to version 2.17 the first travel changes them, whatever they are then: the process crashes if they are wrappers.
    """
    change = getattr(sys.modules.get(MODULE), "patch_if_needed", None)
    loaded = hasattr(sys.modules.get("time_machine"), "travel")  # what is changed calls it at once
    if change is not None and loaded and isinstance(time.time, BuiltinFunctionType):
        change()


def change_later(originals: Callable[[], AbstractContextManager[None]]) -> None:
    """Have the first travel change them with the `originals` in place, where its module is loaded only now."""
    module = sys.modules[MODULE]
    change = getattr(module, "patch_if_needed", None)
    if change is None:
        return

    def change_originals() -> None:
        restore()
        with originals():
            change()

    _deferred.append((module, change))
    module.patch_if_needed = change_originals  # type: ignore[attr-defined]


def restore() -> None:
    """Give the module its own function back."""
    while _deferred:
        module, change = _deferred.pop()
        module.patch_if_needed = change  # type: ignore[attr-defined]


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
