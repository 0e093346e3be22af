"""A simulated crash ends the code under test where it stands: nothing more happens to the tree until the trial ends."""

# ruff: noqa: BLE001, SIM105

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import threading
import time
from contextlib import suppress

import pytest
from skips import WINDOWS

from pytest_fsfault import SimulatedCrash, inject

from .conftest import NEW, prepare, swap


def crashed(trials):
    """Return the trials in which the code was ended."""
    return [trial for trial in trials if trial.crashed]


def test_a_crash_is_kept(sweep):
    """`crashed` says so, and the error is a SimulatedCrash."""
    found = crashed(sweep(lambda root: (root / "x").mkdir(), faults=["crash"]))
    assert ["crash"] == [trial.fault for trial in found]
    assert isinstance(found[0].error, SimulatedCrash)
    assert not found[0].persistent
    assert found[0].tree == found[0].before


def clean_up(root):
    """Change everything in a finally block."""
    try:
        (root / "x").mkdir()
    finally:
        shutil.rmtree(root / "pkg", ignore_errors=True)


def swallow_all(root):
    """Swallow even what is no Exception, and go on."""
    try:
        (root / "x").mkdir()
    except BaseException:
        pass
    for act in (
        (root / "pkg/a.py").unlink,
        lambda: (root / "pkg/a.py").write_text("x"),
        lambda: os.rename(root / "pkg/b.py", root / "b"),
        lambda: os.mkdir(root / "y"),
        lambda: os.symlink("a", root / "link"),
        lambda: subprocess.run(["rm", "-r", str(root / "pkg")], check=True),
        lambda: os.system(f"rm -r {root / 'pkg'}"),
    ):
        with suppress(BaseException):
            act()


def hold_buffers(root):
    """Have unwritten data in an open file."""
    file = open(root / "pkg/a.py", "a")
    try:
        file.write("more")
        (root / "x").mkdir()
    finally:
        with suppress(BaseException):
            file.close()


def keep_early_bound(root, remove=os.remove, partial=io.open):
    """Go on through names that were bound early."""
    try:
        (root / "x").mkdir()
    except BaseException:
        with suppress(BaseException):
            remove(root / "pkg/a.py")
        with suppress(BaseException):
            partial(root / "pkg/b.py", "w").close()
        raise


def work_in_threads(root):
    """Let another thread go on."""

    def work():
        for number in range(1000):
            (root / f"t{number}").mkdir()
            time.sleep(0.01)

    thread = threading.Thread(target=work)
    thread.start()
    (root / "x").mkdir()
    thread.join()


@pytest.mark.parametrize("body", [clean_up, swallow_all, hold_buffers, keep_early_bound])
def test_nothing_happens_afterwards(sweep, body):
    """Not in `finally`, not for who swallows everything, not through buffers, early-bound names or programs."""
    found = crashed(sweep(body, faults=["crash"], operations="os.mkdir", limit=1))
    assert 1 == len(found)
    assert "" == found[0].before.diff(found[0].tree)


def test_threads_stop(sweep):
    """A thread of the trial is ended at its next call, and does not reach into the next trial."""
    before = threading.active_count()
    trials = sweep(work_in_threads, faults=["crash"], operations="os.mkdir", distinct="call site", limit=2)
    assert 2 == len(crashed(trials))
    assert before == threading.active_count()


@pytest.mark.skipif(sys.platform == "darwin", reason="there processes are found by psutil alone")
def test_child_processes_stop(sweep):
    """A process that the trial has started is killed as by a power failure."""
    script = "import sys, time, pathlib\nwhile True:\n    pathlib.Path(sys.argv[1]).touch(); time.sleep(0.01)"
    children = []

    def body(root):
        with subprocess.Popen([sys.executable, "-S", "-c", script, str(root / "beat")]) as child:
            children.append(child)
            try:
                (root / "x").mkdir()
            finally:
                if len(children) == 1:
                    child.kill()

    trials = sweep(body, faults=["crash"], operations="os.mkdir")
    assert 1 == len(crashed(trials))
    # On Windows who ends a process chooses its exit code: Popen.kill takes 1, psutil the number of SIGTERM.
    assert ([1, 15] if WINDOWS else [-9, -9]) == [child.returncode for child in children]


def test_the_next_trial_is_not_affected(sweep):
    """After a crash everything works again, recorded and refused as usual."""
    trials = sweep(
        lambda root: [(root / name).write_text(text) for name, text in NEW.items()],
        faults=["crash", "EACCES"], operations="open", persist=False,
    )  # fmt: skip
    assert [None, "crash", "EACCES", "crash", "EACCES", "crash", "EACCES"] == [
        trial.fault for trial in trials
    ]
    assert all(trial.injected for trial in trials[1:])


def test_recovery(sweep):
    """A second run after each crash reaches the new tree."""

    def judge(trial):
        trial.check_nothing_lost("*.old")
        trial.check_rerun(swap)
        trial.check_no_leftovers("*.new", "*.old")

    trials = sweep(swap, judge, faults=["crash"])
    assert len(crashed(trials)) > 10


def test_no_recovery(verdict):
    """One that does not look for what a crash has left fails at the step at which the crash came."""

    def forgetful(root):
        os.rename(root / "pkg", root / "old")
        os.mkdir(root / "pkg")
        shutil.rmtree(root / "old")

    text = verdict(forgetful, lambda trial: trial.check_rerun(forgetful), faults=["crash"])
    assert "os.mkdir pkg: crash, at " in text
    assert "check_rerun: a second run fails: FileNotFoundError" in text


def test_a_crash_at_the_very_deed(sweep):
    """It comes before the call: what was asked for has not happened."""
    trial = sweep(lambda root: os.remove(root / "pkg/a.py"), faults=["crash"])[1]
    assert "pkg/a.py" in trial.tree


def test_outside_a_sweep_a_crash_fails_the_test(tmp_path):
    """There is nobody to recover."""
    prepare(tmp_path)
    with pytest.raises(AssertionError, match=r"SimulatedCrash: os\.remove"):
        with inject("os.remove -> crash", roots=[tmp_path]):
            with suppress(BaseException):
                os.remove(tmp_path / "pkg/a.py")
