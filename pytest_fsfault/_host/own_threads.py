"""Ask the system about the threads of this process, on Linux."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_fsfault._host.originals import listdir

if TYPE_CHECKING:
    from collections.abc import Collection

_TASKS = "/proc/self/task"


def is_there(thread: int) -> bool:
    """Return whether the system still lists a thread, by the system's number; where it lists none, whatever is asked, no."""
    try:
        return str(thread) in listdir(_TASKS)
    except OSError:  # there is no /proc, as in some containers
        return False


def are_alone(own: Collection[int]) -> bool:
    """Return whether this process has one thread beside our `own`; where the system lists none, no."""
    try:
        return len(listdir(_TASKS)) - len(own) == 1
    except OSError:
        return False
