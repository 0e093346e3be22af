"""Whatever interrupts a call of a child, at whatever moment: its next questions are answered right."""

import errno
import os
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest
from skips import WINDOWS, linux_fact, marked, posix_fact

from pytest_fsfault import inject
from pytest_fsfault._intercept.children import named_pipes

SCRIPT = str(Path(__file__).with_name("interrupted.py"))
RULES = ("os.mkdir bad* -> EACCES", "os.mkdir good* -> delay 0ms or never")
KINDS = ("KeyboardInterrupt", "exception", "OSError", "finaliser", "fork", "copy")
LEFT = dict.fromkeys(("fork", "copy"), posix_fact("os.fork"))
# With a fork at each event a run takes a minute: by default only some of them are tried, of the others each third, and
# fewer on Windows, where a question by a pipe takes longer.
STEPS = {**dict.fromkeys(KINDS, 11 if WINDOWS else 3), "fork": 13, "copy": 29}


def run(root, *arguments):
    """Run the script; return what it says of itself, and how many descriptors it has left open."""
    with inject(*RULES, roots=[root], native=False, strict="all") as fsfault:
        done = subprocess.run(
            [sys.executable, SCRIPT, str(root), *map(str, arguments)],
            capture_output=True,
            text=True,
            check=True,
        )
        refused = [entry.path for entry in fsfault.journal if entry.fault == "EACCES"]
    assert "" == done.stderr
    made = {name for name in os.listdir(root) if "bad" in name}
    assert (set(), True) == (made, len(refused) > 1)
    *told, left = done.stdout.splitlines()
    # The shared page and the log before CPython 3.13, and a connection for each question that was under way at once.
    assert left.count(",") < 5
    return told


@pytest.mark.parametrize("scene", ["call", "wait"])
@pytest.mark.parametrize("kind", marked(KINDS, LEFT))
def test_something_happens_at_some_events(root, kind, scene):
    """Lines, calls and returns of our modules in a call that is asked about, and in a wait."""
    (told,) = run(root, kind, scene, 0, STEPS[kind])
    count, unit = told.split()
    assert "events" == unit
    assert 100 < int(count)


@pytest.mark.slow
@pytest.mark.parametrize("scene", ["call", "wait"])
@pytest.mark.parametrize("kind", marked(KINDS, LEFT))
def test_something_happens_at_every_event(root, kind, scene):
    """Those too that the default run leaves out."""
    (told,) = run(root, kind, scene, 0, 1)
    assert told.endswith(" events")


@posix_fact("an alarm")
@pytest.mark.parametrize(
    ("count", "seed"), [(200, 1), pytest.param(5_000, 2, marks=pytest.mark.slow)], ids=["200", "5000"]
)
def test_signals_at_some_moment(root, count, seed):
    """A handler raises; of the calls none is decided by the answer to another."""
    assert [f"{count} signals in calls"] == run(root, "signals", count, seed)


class ExpiredError(TimeoutError):
    """What a signal handler raises, and the system might."""


def _expire(*_, **_more):
    raise ExpiredError


BEGUN = (
    SimpleNamespace(event=0, cancel=lambda: None, GetOverlappedResult=lambda _: None),
    997,
)  # ERROR_IO_PENDING
# What of a pipe is interrupted, by which function of Windows, and what the others return.
AMID = {
    "what it asks": (lambda pipe: pipe.sendall(b"x"), "WriteFile", {}),
    "the wait until it has asked": (
        lambda pipe: pipe.sendall(b"x"),
        "WaitForMultipleObjects",
        {"WriteFile": BEGUN},
    ),
    "the answer": (lambda pipe: pipe.recv(1), "ReadFile", {}),
    "the wait for the answer": (lambda pipe: pipe.recv(1), "WaitForMultipleObjects", {"ReadFile": BEGUN}),
    "a look": (lambda pipe: pipe.has_input(), "PeekNamedPipe", {}),
    "the way to the parent": (lambda _: named_pipes._open("x"), "CreateFile", {}),
    "its token": (lambda _: named_pipes.connect("x"), "read_private", {}),
}


@pytest.mark.parametrize("amid", AMID)
def test_an_error_of_the_system_that_a_handler_raises_does_not_end_a_named_pipe(monkeypatch, amid):
    """It is raised as it is: the connection to the parent is not over, and the process stays under faults."""
    act, name, others = AMID[amid]
    answers = {name: lambda *_, value=value, **_more: value for name, value in others.items()}
    constants = dict.fromkeys(
        ("GENERIC_READ", "GENERIC_WRITE", "FILE_FLAG_OVERLAPPED", "OPEN_EXISTING", "INFINITE"), 0
    )

    def interrupted(*_, **_more):
        _expire(signal.SIGINT, sys._getframe())  # as the system calls a handler

    monkeypatch.setattr(named_pipes, "winapi", SimpleNamespace(**constants, **answers, **{name: interrupted}))
    monkeypatch.setattr(named_pipes, "read_private", interrupted)
    monkeypatch.setattr(named_pipes, "_CLOSE", lambda _: None)
    pipe = named_pipes.ChildPipe(0)
    with pytest.raises(ExpiredError):
        act(pipe)


def test_a_wait_that_windows_refuses_goes_on_without_ctrl_c(monkeypatch):
    """As at the interpreter's end, when the event that Ctrl+C sets is closed: the result is waited for all the same."""
    waited = []
    begun = SimpleNamespace(event=0, GetOverlappedResult=waited.append, getbuffer=lambda: b"answer")

    def refused(*_):
        raise OSError(errno.EBADF, "Invalid handle")

    functions = {
        "ReadFile": lambda *_, **_more: (begun, 997),
        "WaitForMultipleObjects": refused,
        "INFINITE": 0,
    }
    monkeypatch.setattr(named_pipes, "winapi", SimpleNamespace(**functions))
    monkeypatch.setattr(named_pipes, "is_of_the_call", lambda error: error.errno == errno.EBADF)
    pipe = named_pipes.ChildPipe(0)
    assert b"answer" == pipe.recv(6)
    assert [True] == waited


# The parent.


class InterruptionError(Exception):
    """What a signal handler raises."""


def _interrupted(at, act):
    """Let a signal handler raise at an event of the parent's modules in `act`; return whether it came so far."""
    seen = 0

    def trace(frame, _event, _arg):
        nonlocal seen
        if os.path.join("_intercept", "children") not in frame.f_code.co_filename:
            return None
        seen += 1
        if seen == at + 1:
            raise InterruptionError
        return trace

    sys.settrace(trace)
    try:
        act()
    except InterruptionError:
        pass
    finally:
        sys.settrace(None)
    return seen > at


def _announce():
    """Tell of the start of a process, as `subprocess` does; none is started."""
    sys.audit("subprocess.Popen", sys.executable, [sys.executable, "-c", "pass"], None, None)


def _state():
    names = {
        name
        for name in os.listdir(tempfile.gettempdir())
        if name.startswith(f"pytest-fsfault-{os.getpid()}-")
    }
    return names, dict(os.environ), os.listdir("/proc/self/task"), len(os.listdir("/proc/self/fd"))


def _settled(before):
    """Give a thread that has done its work the moment that it needs to end."""
    for _ in range(200):
        if before == _state():
            return
        time.sleep(0.01)


@linux_fact("/proc tells of threads and descriptors")
@pytest.mark.parametrize("step", [17, pytest.param(1, marks=pytest.mark.slow)], ids=["some", "all"])
@pytest.mark.parametrize("scene", ["the first start", "a later start", "a change"])
def test_the_parent_is_interrupted_at_every_event(root, python, scene, step):
    """The next child is served, and the end of the session leaves nothing behind."""
    code = "import os, sys\ntry: os.mkdir(sys.argv[1] + '/bad')\nexcept PermissionError: print('refused')"
    at, reached = 0, True
    _announce()
    before = _state()
    while reached:
        with inject(RULES[0], f"{RULES[0]} or never", roots=[root], native=False, strict=False) as fsfault:
            if scene != "the first start":
                _announce()
            act = _announce if scene != "a change" else lambda: fsfault.add_root(root / "x")
            # In a thread: CPython 3.11 keeps an exception as the handled one of a thread if a trace function
            # raises as its handler ends.
            with ThreadPoolExecutor(1) as pool:
                reached = pool.submit(_interrupted, at, act).result()
            if at % 20 == 0:
                assert "refused\n" == python(code, root)
            else:
                _announce()
        _settled(before)
        assert before == _state(), at
        at += step
    assert 20 < at


FORKS = """
import os, random, signal, sys, time
from pytest_fsfault import inject

class Interrupted(Exception): pass

def interrupt(*_):
    raise Interrupted

def child():
    if not os.fork():
        signal.setitimer(signal.ITIMER_REAL, 0)
        try:
            os.mkdir(sys.argv[1] + "/bad")
        except OSError:
            os._exit(0)
        os._exit(1)

seeded = random.Random(5)
sys.unraisablehook = lambda _: None
signal.signal(signal.SIGALRM, interrupt)
with inject("os.mkdir bad -> EACCES", roots=[sys.argv[1]], clock="real"):
    child()
    for _ in range(25):
        try:
            signal.setitimer(signal.ITIMER_REAL, seeded.uniform(0.00001, 0.003))
            child()
            signal.setitimer(signal.ITIMER_REAL, 0)
        except Interrupted:
            pass
        signal.setitimer(signal.ITIMER_REAL, 0)
        while True:
            try:
                print(os.wait()[1])
            except Interrupted:
                pass
            except ChildProcessError:
                break
"""


@posix_fact("forks and alarms")
def test_a_signal_amid_a_fork_leaves_the_answers_running(tmp_path):
    """Python loses what a handler raises in a hook of a fork; the child gets its answer all the same, and the next too."""
    done = subprocess.run(
        [sys.executable, "-c", FORKS, str(tmp_path)], stdout=-1, text=True, check=True, timeout=120
    )
    assert {"0"} == set(done.stdout.split())
    assert 10 < len(done.stdout.split())
