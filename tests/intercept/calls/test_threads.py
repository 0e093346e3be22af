"""One count for each rule, exact under threads; the journal misses nothing."""

# ruff: noqa: BLE001  # how a call is written is what is tested here

from __future__ import annotations

import gc
import importlib
import os
import sys
import threading
from collections import Counter

import pytest

from pytest_fsfault import inject

THREADS, CALLS = 8, 150
posix = importlib.import_module(os.name)  # the module of C behind `os`


@pytest.fixture(autouse=True)
def _interval():
    """Give back the interval at which threads take turns."""
    before = sys.getswitchinterval()
    yield
    sys.setswitchinterval(before)


def switch_often():
    """Let threads that have started come between each other as often as they can.

    Not while they start: under a tracer such as coverage's, CPython gives up on a thread whose trace function is
    set while another's is, and an audit hook makes room for that.
    """
    sys.setswitchinterval(1e-6)


def hammer(act):
    """Call `act` with the thread's number and the call's, in eight threads at once; return the errors by type."""
    start, found, lock = threading.Barrier(THREADS + 1), Counter(), threading.Lock()

    def work(number):
        mine = Counter()
        start.wait()
        for call in range(CALLS):
            try:
                act(number, call)
                mine["ok"] += 1
            except BaseException as error:
                mine[type(error).__name__] += 1
        with lock:
            found.update(mine)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    switch_often()
    start.wait()
    for thread in threads:
        thread.join()
    return found


def make_acts(root):
    """Return what is hammered, by name, with the operation that is meant."""
    files = [f"{root}/f{number}" for number in range(THREADS)]
    for name in files:
        with open(name, "w") as file:
            file.write("content")
    removed = [f"{root}/d{number}" for number in range(THREADS)]

    def make_and_remove(number, _call):
        try:
            posix.mkdir(removed[number])
        finally:
            os.path.isdir(removed[number]) and os.rmdir(removed[number])

    return {
        "os.stat": lambda number, _: os.stat(files[number]),
        "os.stat bytes": lambda number, _: os.stat(os.fsencode(files[number])),
        "os.replace": lambda number, _: os.replace(files[number], files[number]),
        "os.replace early": lambda number, _: posix.replace(files[number], files[number]),
        "open": lambda number, _: open(files[number]).close(),
        "open w": lambda number, _: open(files[number], "w").close(),
        "os.open": lambda number, _: os.close(os.open(files[number], os.O_RDONLY)),
        "os.mkdir early": make_and_remove,
        "file.read": lambda number, _: read(files[number]),
    }


def read(path):
    """Read a file as a whole."""
    with open(path, "rb", 0) as file:
        file.read(3)


ACTS = (
    "os.stat",
    "os.stat bytes",
    "os.replace",
    "os.replace early",
    "open",
    "open w",
    "os.open",
    "os.mkdir early",
    "file.read",
)


@pytest.mark.parametrize("what", ACTS)
def test_a_rule_counts_exactly(what, tmp_path):
    """Each third of 1,200 calls fails, and each is in the journal, once."""
    act, operation = make_acts(tmp_path)[what], what.partition(" ")[0]
    with inject(f"{operation} -> EBUSY when every 3", roots=[tmp_path], clock="real") as fsfault:
        found = hammer(act)
        armed = fsfault.journal
        assert THREADS * CALLS == len(armed)
        assert list(range(len(armed))) == [entry.index for entry in armed]
        assert THREADS * CALLS // 3 == len(armed.faults)
    assert {"OSError": THREADS * CALLS // 3, "ok": THREADS * CALLS * 2 // 3} == found


@pytest.mark.parametrize("what", ["os.stat", "os.replace", "open", "os.replace early"])
def test_a_count_for_each_path_is_exact(what, tmp_path):
    """Each thread's file has its own count."""
    act, operation = make_acts(tmp_path)[what], what.partition(" ")[0]
    with inject(f"{operation} -> EBUSY when first 5 per path", roots=[tmp_path], clock="real") as fsfault:
        assert {"OSError": 5 * THREADS, "ok": (CALLS - 5) * THREADS} == hammer(act)
        assert {5} == set(Counter(entry.path for entry in fsfault.journal.faults).values())


def test_calls_on_other_paths_are_not_counted(tmp_path):
    """What one thread announces to the audit hook shields no other thread's call."""
    acts = make_acts(tmp_path)
    with inject("open f0 -> EBUSY", "os.open f1 -> EBUSY", roots=[tmp_path], clock="real") as fsfault:
        found = hammer(lambda number, call: acts["os.open" if number % 2 else "open"](number, call))
        assert {"OSError": 2 * CALLS, "ok": (THREADS - 2) * CALLS} == found
        assert 2 * CALLS == len(fsfault.journal)


def test_a_crash_stops_all_threads(tmp_path):
    """After it no call is let through, in any thread."""
    acts = make_acts(tmp_path)
    with pytest.raises(AssertionError, match=r"\ASimulatedCrash: os.replace .*/f\d, at ") as caught:
        with inject("os.replace -> crash when nth 100", roots=[tmp_path], clock="real") as fsfault:
            found = hammer(acts["os.replace"])
    assert caught
    assert 1 == len(fsfault.journal.faults)
    assert {"ok": 99, "SimulatedCrash": THREADS * CALLS - 99} == found


class Closer:
    """Hold an open file in a cycle, and close it when the garbage is collected."""

    def __init__(self, path):
        self.file, self.myself = open(path, "rb"), self

    def __del__(self):
        self.file.close()


def test_a_garbage_collection_in_between_is_no_deadlock(tmp_path):
    """Wherever it strikes, the file that it closes is met, and the journal stays in order."""
    path = tmp_path / "f"
    path.touch()
    before = gc.get_threshold()
    with inject("file.close, os.stat -> EIO when nth 9999 or never", roots=[tmp_path]) as fsfault:
        gc.set_threshold(3)
        try:
            for _ in range(300):
                Closer(path)
                os.stat(path)
        finally:
            gc.set_threshold(*before)
        gc.collect()
        assert [300, 300] == [len(fsfault.journal.of(name)) for name in ("file.close", "os.stat")]
        assert list(range(600)) == [entry.index for entry in fsfault.journal]
