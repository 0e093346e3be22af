"""What ctypes asks Windows for."""

from __future__ import annotations

import os
import sys
import time

import pytest
from skips import wine_differs

pytestmark = pytest.mark.skipif(sys.platform != "win32", reason="functions of Windows")


def test_the_time_of_the_latest_tick_is_not_after_the_present():
    """Nor much before it, and in Windows' unit of 100 ns."""
    from pytest_fsfault._host.windows_api import system_time_ns

    before = time.time_ns()
    found = system_time_ns()
    assert before - 10**9 < found <= time.time_ns()
    assert 0 == found % 100


def test_it_goes_on():
    """A later tick is a later time."""
    from pytest_fsfault._host.windows_api import system_time_ns

    first, until = system_time_ns(), time.monotonic() + 10
    while system_time_ns() == first and time.monotonic() < until:
        time.sleep(0.001)
    assert first < system_time_ns()


@wine_differs("it counts no writing of a process")
def test_writing_is_counted(tmp_path):
    """That of this process, each time; reading is not."""
    from pytest_fsfault._host.windows_api import write_count

    with open(tmp_path / "file", "wb", buffering=0) as file:
        before = write_count()
        file.write(b"x")
        os.write(file.fileno(), b"y")
        after = write_count()
    assert 0 < before
    assert 2 <= after - before
