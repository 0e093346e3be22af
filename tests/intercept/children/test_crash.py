"""A crash, a storm and a sweep reach into children, and out of them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from real_time import real_time
from skips import marked, posix_fact

from pytest_fsfault import RetryStorm, SimulatedCrash, inject

MOVE_TWO = """
import os, sys
root = sys.argv[1]


def move(name):
    os.replace(f"{root}/{name}", f"{root}/{name}.new")


def both():
    move("a")
    move("b")


try:
    both()
finally:
    os.mkdir(root + "/cleaned")
"""


@posix_fact("os.posix_spawn")
def test_a_crash_in_a_child_ends_all(root):
    """The child dies of it, its clean-up does nothing, and the parent's next call is the same crash."""
    for name in "ab":
        (root / name).touch()
    with pytest.raises(SimulatedCrash), inject("os.replace -> crash when nth 2", roots=[root]):
        child = os.posix_spawn(sys.executable, [sys.executable, "-c", MOVE_TWO, root], os.environ)
        status = None
        try:
            while status is None:
                done, code = os.waitpid(child, os.WNOHANG)
                status = code if done else None
        finally:
            assert 0 != status
            os.mkdir(root / "more")
    assert ["a.new", "b"] == sorted(os.listdir(root))


def test_a_crash_in_the_parent_ends_children(root):
    """They find it at their next call."""
    code = """
import os, sys
print("there", flush=True)
sys.stdin.read()
try: os.mkdir(sys.argv[1] + "/by_child")
except BaseException as error: print(type(error).__name__)
"""
    with pytest.raises(SimulatedCrash), inject("os.rename -> crash", roots=[root]):
        child = subprocess.Popen(
            [sys.executable, "-c", code, root], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        child.stdout.readline()
        try:
            os.rename(root / "a", root / "b")
        finally:
            child.stdin.close()
            told = child.stdout.read()
            child.stdout.close()
    child.wait()
    assert "SimulatedCrash\n" == told
    assert [] == os.listdir(root)


def test_a_storm_in_a_child(root):
    """A loop without progress ends there, too."""
    code = "import os, sys\nwhile True:\n  try: os.remove(sys.argv[1])\n  except OSError: pass"
    (root / "a").touch()
    with pytest.raises(
        RetryStorm, match=r"^os.remove met an injected error 10,000 times on .* at <string>:3: add"
    ):
        with inject("os.remove -> EBUSY", roots=[root]):
            child = subprocess.Popen(
                [sys.executable, "-c", code, root / "a"], stderr=subprocess.PIPE, text=True
            )
            told = child.stderr.read()
            child.stderr.close()
            os.mkdir(root / "b")
    assert "RetryStorm: os.remove met" in told
    child.wait()


def uninstall(root):
    """Move two files, in a child."""
    subprocess.run([sys.executable, "-c", MOVE_TWO, root], check=True, stderr=subprocess.DEVNULL)


def make_files(root):
    """Build the tree."""
    for name in "ab":
        (root / name).write_text(name)


def test_a_sweep_sees_the_lines_of_children(tmp_path):
    """One trial for each stack of lines of the child's own code; the tree is that of the steps before the fault."""
    with inject(roots=[tmp_path]) as fsfault:
        told = []
        for trial in fsfault.sweep(
            make_files,
            faults=["EACCES"],
            operations="rename",
            persist=False,
            expect=subprocess.CalledProcessError,
        ):
            with trial as root:
                uninstall(root)
            names = sorted(path.name for path in root.iterdir())
            told.append((trial.fault, names, [entry.call_site for entry in trial.injected]))
            trial.check("a" in names or "a.new" in names, "a is gone")
    assert [
        (None, ["a.new", "b.new", "cleaned"], []),
        ("EACCES", ["a", "b", "cleaned"], ["<string>:7"]),
        ("EACCES", ["a.new", "b", "cleaned"], ["<string>:7"]),
    ] == told


def test_a_sweep_crashes_children(tmp_path):
    """They are killed, as when the power fails: no clean-up of theirs changes the tree."""
    with inject(roots=[tmp_path]) as fsfault:
        told = []
        for trial in fsfault.sweep(
            make_files, faults=["crash"], operations="rename", expect=subprocess.CalledProcessError
        ):
            with trial as root:
                uninstall(root)
            told.append((trial.crashed, sorted(path.name for path in root.iterdir())))
            trial.check(True, "")
    assert [
        (False, ["a.new", "b.new", "cleaned"]),
        (True, ["a", "b"]),
        (True, ["a.new", "b"]),
    ] == told


GRANDCHILD = """
import sys, time
open(sys.argv[1] + "/started", "w").close()
time.sleep(0.3)
open(sys.argv[1] + "/written", "w").close()
"""
CHILD = """
import os, subprocess, sys
root = sys.argv[1]
command = [sys.executable, "-S", "-c", sys.argv[2], root]
{start}
while not os.path.exists(root + "/started"):
    pass
os.replace(root + "/a", root + "/a.new")
"""


ORPHANED = (
    'subprocess.run(["/bin/sh", "-c", \'"$0" "$@" &\', *command])',
    "subprocess.Popen(command, start_new_session=True)",
)


@pytest.mark.skipif(sys.platform == "darwin", reason="there psutil lists the descendants")
@pytest.mark.parametrize(
    "start",
    marked(
        ["subprocess.Popen(command)", *ORPHANED],
        dict.fromkeys(ORPHANED, posix_fact("sessions, and processes that are found by their environment")),
    ),
)
def test_a_crash_ends_grandchildren(tmp_path, start):
    """Also when the process that started them has ended before, as a shell does that leaves work in the background."""
    code = CHILD.format(start=start)
    with inject(roots=[tmp_path]) as fsfault:
        crashed = False
        for trial in fsfault.sweep(
            make_files, faults=["crash"], operations="rename", expect=subprocess.CalledProcessError
        ):
            with trial as root:
                subprocess.run([sys.executable, "-c", code, root, GRANDCHILD], check=True)
            until = real_time() + (1 if trial.crashed else 20)
            while real_time() < until and not (Path(root) / "written").exists():
                pass
            assert (not trial.crashed) is (Path(root) / "written").exists()
            crashed |= trial.crashed
            trial.check(True, "")
    assert crashed


def test_waits_of_children_count_in_a_trial(tmp_path):
    """A retry in a child that takes too long is found, in less time than it would take."""
    code = """
import os, sys, time
for _ in range(50):
    try:
        os.replace(sys.argv[1] + "/a", sys.argv[1] + "/c")
        break
    except OSError:
        time.sleep(20)
else:
    sys.exit(1)
"""
    began = real_time()
    with pytest.raises(AssertionError, match="waited 1000 s"), inject(roots=[tmp_path]) as fsfault:
        for trial in fsfault.sweep(
            make_files, faults=["EACCES"], operations="rename", expect=subprocess.CalledProcessError
        ):
            with trial as root:
                subprocess.run([sys.executable, "-c", code, root], check=True)
            trial.check_waits(at_most="10s")
    assert real_time() - began < 1000
