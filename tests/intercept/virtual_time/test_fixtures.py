"""What fixtures start: pools that nobody shuts down, and threads that go on during the test."""

from __future__ import annotations

from skips import linux_fact

POOL = """
import concurrent.futures, gc, os, subprocess, time
from multiprocessing import forkserver, resource_tracker
import pytest

@pytest.fixture
def pool():
    return concurrent.futures.ProcessPoolExecutor(max_workers=1)

@pytest.mark.parametrize("number", range(4))
def test_it(pool, number):
    assert os.getpid() != pool.submit(os.getpid).result(60)

def test_nobody_is_left():
    gc.collect()
    end = time.monotonic() + 60
    while (left := _children()) and time.monotonic() < end:
        time.sleep(0.1)
    assert [] == left

def _children():
    task = f"/proc/self/task/{os.getpid()}/children"
    # These stay until the interpreter ends; from Python 3.14 on pools start by the first.
    servers = {str(forkserver._forkserver._forkserver_pid), str(resource_tracker._resource_tracker._pid)}
    with open(task) as file:
        return [number for number in set(file.read().split()) - servers if _state(number) not in "ZX"]

def _state(number):
    try:
        with open(f"/proc/{number}/stat") as file:
            return file.read().rpartition(") ")[2][0]
    except OSError:
        return "X"
"""


@linux_fact("/proc lists children")
def test_pools_that_nobody_shuts_down_end_as_ever(pytester, apart):
    """Their threads meet no error of ours in the tests that follow, and their processes go."""
    pytester.makepyfile(POOL)
    result = apart(
        "--fsfault-profile", "observe", "-W", "error::pytest.PytestUnhandledThreadExceptionWarning"
    )
    result.assert_outcomes(passed=5)


OBSERVER = """
import threading, time
import pytest

@pytest.fixture
def seen(tmp_path):
    found, stop = [], threading.Event()

    def look():
        while not stop.wait(0.05):
            found[:] = sorted(path.name for path in tmp_path.iterdir())

    thread = threading.Thread(target=look)
    thread.start()
    yield found
    stop.set()
    thread.join()

def test_it(seen, tmp_path):
    for name in "abc":
        (tmp_path / name).touch()
        time.sleep(0.5)
    assert ["a", "b", "c"] == seen
"""


def test_a_thread_of_a_fixture_that_looks_in_real_time_is_not_jumped_over(pytester, apart):
    """It was started before the test, so that it keeps real time; the sleeps of the test keep step with it."""
    pytester.makepyfile(OBSERVER)
    result = apart("--fsfault-profile", "observe")
    result.assert_outcomes(passed=1)
