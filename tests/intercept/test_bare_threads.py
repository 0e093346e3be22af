"""A thread may be started with a function of C, such as `os.stat` itself: nothing of Python is behind the wrapper then."""

from __future__ import annotations

import _thread
import os
import queue
import select
import sys
import threading
import time

import pytest

from pytest_fsfault import inject

CALLS = {
    "a status": lambda: (os.stat, "a"),
    "that of a link": lambda: (os.lstat, "a"),
    "one by descriptor": lambda: (os.fstat, 1),
    "a listing": lambda: (os.scandir, "."),
    "a deletion": lambda: (os.remove, "b"),
    "a new name": lambda: (os.replace, "c", "d"),
    "an opening": lambda: (open, "a"),
    "a sleep": lambda: (time.sleep, 0.001),
    "a clock": lambda: (time.monotonic,),
    "the time": lambda: (time.time_ns,),
    "the date": lambda: (time.localtime,),
    "a command": lambda: (os.system, "exit 0"),
    "an event": lambda: (threading.Event().wait, 0.001),
    "a queue": lambda: (queue.Queue().put, 1),
}
if sys.platform != "win32":
    CALLS["a selection"] = lambda: (select.select, [], [], [], 0.001)


@pytest.fixture
def errors(monkeypatch):
    """Return what threads raise, as text; not that something was left open."""
    found = []

    def keep(raised):
        if not isinstance(raised.exc_value, Warning):
            found.append(repr(raised.exc_value))

    monkeypatch.setattr(sys, "unraisablehook", keep)
    return found


class Arguments(tuple):  # noqa: SLOT001  # it has an attribute, which a tuple can keep in no slot
    """What a thread is started with, and drops as the last it does."""

    kept: object  # a lock of C, which knows no virtual time

    def __del__(self):
        """Tell of the end."""
        self.kept.release()


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Return how to start a thread with a function, and wait until it has ended."""
    monkeypatch.chdir(tmp_path)
    for name in "abc":
        (tmp_path / name).write_text(name)

    def run(make):
        function, *args = make()
        given = Arguments(args)
        given.kept = kept = _thread.allocate_lock()
        kept.acquire()
        _thread.start_new_thread(function, given)
        del given
        assert kept.acquire(timeout=60)

    return run


@pytest.mark.parametrize("options", [{}, {"windows": "11"}, {"clock": "real"}], ids=str)
@pytest.mark.parametrize("call", CALLS)
def test_a_function_that_a_thread_is_started_with_has_no_caller(errors, run, call, options):
    """It does what it does elsewhere: no error of ours says that a stack is not deep enough."""
    with inject(**options):
        run(CALLS[call])
    assert [] == errors


def test_what_such_a_thread_does_meets_rules(errors, run, tmp_path):
    """It belongs to the code under test, as the thread does that started it."""
    with inject("os.remove -> WinError 5") as faults:
        run(CALLS["a deletion"])
    assert ["os.remove"] == [entry.operation for entry in faults.journal]
    assert (tmp_path / "b").exists()
    assert 1 == len(errors)
