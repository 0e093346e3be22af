"""Ask the system about the threads of this process, on Linux."""

from __future__ import annotations

from pytest_fsfault._host.originals import listdir

_TASKS = "/proc/self/task"


def is_there(thread: int) -> bool:
    """Return whether the system still lists a thread, by the system's number; where it lists none, whatever is asked, no."""
    try:
        return str(thread) in listdir(_TASKS)
    except OSError:  # there is no /proc, as in some containers
        return False
