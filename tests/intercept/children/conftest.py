"""What the tests of child processes share."""

import gc
import subprocess
import sys

import pytest
from skips import WINDOWS

if not WINDOWS:  # which has no such helpers
    from multiprocessing import forkserver, resource_tracker


@pytest.fixture(autouse=True)
def _no_helpers():
    """End the processes that `multiprocessing` keeps for as long as ours: other tests count what is there."""
    if WINDOWS:
        yield
        return
    before = resource_tracker._resource_tracker._pid
    yield
    forkserver._forkserver._stop()
    if before is None and resource_tracker._resource_tracker._pid is not None:
        gc.collect()  # it removes the semaphores of pools that are still there
        resource_tracker._resource_tracker._stop()


@pytest.fixture
def root(tmp_path):
    """A directory of its own, so that nothing else is watched."""
    found = tmp_path / "root"
    found.mkdir()
    return found


@pytest.fixture
def python():
    """Run code in a child, and return what it has printed."""

    def run(code, *arguments, **options):
        done = subprocess.run(
            [sys.executable, "-c", code, *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
            **options,
        )
        assert "" == done.stderr
        return done.stdout

    return run
