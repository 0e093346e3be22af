"""Children on Windows, told from a snapshot of all processes."""

import os
import subprocess
import sys

import pytest
from skips import WINDOWS, wine_differs

from pytest_fsfault._host.windows_processes import ProcessState, Snapshot, snapshot

ME = 10


def process(number, parent, started, name="tool.exe", threads=1):
    """A process whose threads nobody asks for."""
    return ProcessState(number, parent, started, name, threads, lambda: [(1, 5, 3, 5)] * threads)


@pytest.mark.parametrize(
    ("others", "known", "strangers"),
    [
        ([], (), []),
        ([process(11, ME, 200)], (), [11]),
        ([process(11, ME, 200)], (11,), []),
        ([process(11, ME, 200), process(12, 11, 300)], (11,), [12]),
        ([process(11, ME, 200, threads=0)], (), []),  # it has ended, somebody holds a handle of it
        ([process(11, ME, 50)], (), []),  # the number of its parent was given anew: to us
        ([process(11, 4, 200)], (), []),
        ([process(11, ME, 200, "conhost.exe")], (), []),  # this process has a console of its own
        ([process(11, ME, 200), process(12, 11, 300, "Conhost.exe")], (11,), []),
        (
            [process(11, ME, 200, "python.exe"), process(12, 11, 201, "python.exe")],
            (12,),
            [],
        ),  # an environment's
        ([process(11, ME, 200, "Py.exe"), process(12, 11, 201, "python.exe")], (), [11, 12]),
        ([process(11, ME, 200, "cmd.exe"), process(12, 11, 201, "python.exe")], (12,), [11]),
    ],
)
def test_strangers_are_the_descendants_that_nobody_knows(others, known, strangers):
    """By parent and time of start; a launcher above a known Python is no stranger."""
    found = Snapshot([process(ME, 1, 100), process(4, 0, 1), *others])
    assert strangers == [one.number for one in found.strangers(ME, known)]


def test_threads_tell_whether_they_can_run():
    """Ready and running ones can, waiting ones cannot; a process that is gone has none."""
    found = Snapshot([ProcessState(ME, 1, 1, "a", 2, lambda: [(1, 0, 0, 2), (2, 0, 0, 5)])])
    assert [True, False] == [thread.can_run for thread in found.threads(ME)]
    assert () == found.threads(ME + 1)


@pytest.mark.skipif(not WINDOWS, reason="asks Windows itself")
def test_a_child_is_seen_while_it_lives():
    """From its start to its end, with its program and its threads."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        (seen,) = [one for one in snapshot().descendants(os.getpid()) if one.number == child.pid]
        assert "python.exe" == seen.name.lower()
        assert snapshot().threads(child.pid)
        child.communicate(b"\n")
        assert child.pid not in {one.number for one in snapshot().descendants(os.getpid())}


@wine_differs("it tells no thread's state")
@pytest.mark.skipif(not WINDOWS, reason="asks Windows itself")
def test_a_thread_that_runs_can_run():
    """Our own does, while it asks."""
    assert any(thread.can_run for thread in snapshot().threads(os.getpid()))
