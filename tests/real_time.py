"""The time that no session has to do with: its functions stand in for those of `time`, wherever a name was bound."""

import sys
import time


def real_time() -> float:
    """Return real seconds since some instant; Windows counts in ticks of 16 ms."""
    if sys.platform == "win32":
        import ctypes

        return ctypes.windll.kernel32.GetTickCount64() / 1000
    return time.clock_gettime(time.CLOCK_MONOTONIC)
