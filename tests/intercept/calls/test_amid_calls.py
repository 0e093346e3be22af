"""What a finaliser does in the middle of a call of ours is met by itself, and the call goes on."""

import os
import signal
import sys
import threading
import time

import pytest
from skips import WINDOWS, WINE, posix_fact

from pytest_fsfault import inject
from pytest_fsfault._host.package import BETWEEN

# Said before tracing ends: to end it raises an audit event, amid which it could not be ended once more.
END = ("", 0, "end")
RULE = "os.mkdir bad* -> EACCES or never"
# What `os.chmod` leaves of the mode of a directory: on Windows that is one for all.
PRIVATE = 0o777 if WINDOWS else 0o700


def at(step, happen):
    """Return a trace function that lets something happen at the step-th event of ours, and the list of events."""
    seen = []

    def trace(frame, event, _arg):
        if not frame.f_code.co_filename.startswith(BETWEEN) or seen[-1:] == [END]:
            return None
        seen.append((os.path.basename(frame.f_code.co_filename), frame.f_lineno, event))
        if len(seen) - 1 == step:
            sys.settrace(None)
            happen()
            return None
        return trace

    return trace, seen


def is_refused(root):
    """Return whether a rule refuses a call, and lets another one happen."""
    try:
        os.mkdir(f"{root}/bad")
    except PermissionError:
        os.chmod(root / "other", 0o700)
        return os.stat(root / "other").st_mode & 0o777 == PRIVATE
    return False


def finalise(root, told):
    """Do what a finaliser may do: calls that a rule concerns, and calls that none does."""
    told.append(is_refused(root))


def call(root):
    """Make calls of several kinds."""
    with open(root / "f", "w") as file:
        file.write("text")
    os.replace(root / "f", root / "g")
    assert is_refused(root)


def wait(_root):
    """Wait in two ways."""
    before = time.monotonic()
    time.sleep(5)
    threading.Event().wait(5)
    assert 10 <= time.monotonic() - before < 11


def play(scene, root, trace, seen):
    """Run a scene under a trace function."""
    sys.settrace(trace)
    try:
        scene(root)
    finally:
        seen.append(END)
        sys.settrace(None)


def run(scene, root, step, happen):
    """Run a scene in which something happens at a step; return the events, and what was told of it."""
    told = []
    trace, seen = at(step, lambda: happen(root, told))
    original = os.mkdir
    with inject(RULE, roots=[root], native=False) as fsfault:
        play(scene, root, trace, seen)
        assert is_refused(root)
        outcomes = [entry.outcome for entry in fsfault.journal.of("os.mkdir") if entry.path.endswith("bad")]
        assert {"raised"} == set(outcomes)
        assert len(outcomes) == 1 + (scene is call) + len(told)
    assert original is os.mkdir
    return seen, told


@pytest.fixture
def root(tmp_path):
    """A directory of its own, with another one in it."""
    (tmp_path / "root" / "other").mkdir(parents=True)
    return tmp_path / "root"


# Wine takes some ten times as long for each of these.
@pytest.mark.parametrize(
    "stride",
    [pytest.param(197 if WINE else 19, id="some"), pytest.param(1, id="all", marks=pytest.mark.slow)],
)
@pytest.mark.parametrize("scene", [call, wait])
def test_a_finaliser_runs_amid_a_call(root, scene, stride):
    """Both are decided about, each once, and time is as it was."""
    run(scene, root, -1, finalise)  # what is done once is done
    seen, _ = run(scene, root, -1, finalise)
    assert 50 < len(seen)
    for step in range(0, len(seen) - 1, stride):
        events, told = run(scene, root, step, finalise)
        assert told in ([], [True]), events[-2]


def fork(root, told):
    """Fork, make calls in the child, and wait for it, as a finaliser may."""
    number = os.fork()
    if not number:
        try:
            os.access(root, os.F_OK)
            with open(root / "of-child", "w") as file:
                file.write("text")
        finally:
            os._exit(0)
    deadline = time.monotonic() + 30
    while os.waitpid(number, os.WNOHANG) == (0, 0):
        if time.monotonic() > deadline:
            os.kill(number, signal.SIGKILL)
            os.waitpid(number, 0)
            told.append("the child hangs")
            return


def run_forks(scene, root, step):
    """Run a scene in which the process forks at a step; return the events, and what went wrong."""
    told = []
    trace, seen = at(step, lambda: fork(root, told))
    with inject(RULE, roots=[root], native=False, strict=False):
        play(scene, root, trace, seen)
        assert is_refused(root)
    return seen, told


@posix_fact("a fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
@pytest.mark.parametrize(
    "stride", [pytest.param(23, id="some"), pytest.param(1, id="all", marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("scene", [call, wait])
def test_a_fork_amid_a_call(root, scene, stride):
    """A child that is forked amid a decision is never answered and never waits; the next call is decided as ever."""
    run_forks(scene, root, -1)
    seen, _ = run_forks(scene, root, -1)
    for step in range(0, len(seen) - 1, stride):
        events, told = run_forks(scene, root, step)
        assert [] == told, events[-2]
