"""An exception that comes from outside, between any two steps of ours: all is restored, the next answer is right."""

from __future__ import annotations

import builtins
import gc
import importlib
import io
import os
import queue
import random
import shutil
import signal
import stat
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from skips import posix_fact

from pytest_fsfault import inject
from pytest_fsfault._host.package import BETWEEN, PACKAGE
from pytest_fsfault._intercept.interceptor import interceptor

posix = importlib.import_module(os.name)  # the module of C behind `os`

ALARM = posix_fact("an alarm by a signal")
OURS = (*BETWEEN, os.path.join(PACKAGE, "_session"))
MODULES = (os, io, shutil, time, builtins, threading, queue)
# In tuples no exchange of names finds them.
EARLY, REAL = (posix.mkdir,), (time.monotonic,)


class Interrupted(BaseException):
    """What a signal handler raises."""


OTHERS = set()


@pytest.fixture(autouse=True)
def _others():
    """Leave out threads that other tests have left behind, and that may end meanwhile."""
    OTHERS.update(threading.enumerate())
    yield
    OTHERS.clear()


def surroundings():
    """Return all that a session changes of a process while it is there."""
    names = {(module.__name__, name): id(value) for module in MODULES for name, value in vars(module).items()}
    folders = [name for name in os.listdir(tempfile.gettempdir()) if f"fsfault-{os.getpid()}-" in name]
    environment = [name for name in os.environ if name.startswith("FSFAULT")]
    return (
        names,
        open_files(),
        folders,
        environment,
        set(threading.enumerate()) - {threading.current_thread(), threading.main_thread()} - OTHERS,
    )


def open_files():
    """Return the files that are open: on Linux their names, else the numbers and kinds of their descriptors."""
    if sys.platform == "linux":
        numbers = [number for number in os.listdir("/proc/self/fd") if _is_open(number)]
        return {
            file for number in numbers if "/proc/" not in (file := os.readlink(f"/proc/self/fd/{number}"))
        }
    found = set()
    for number in range(256):
        with suppress(OSError):
            found.add((number, stat.S_IFMT(os.fstat(number).st_mode)))
    return found


def _is_open(number):
    return os.path.lexists(f"/proc/self/fd/{number}")


def raising_at(step):
    """Return a trace function that raises at the step-th event of ours, and the list of what it has seen."""
    seen = []

    def trace(frame, event, _arg):
        if not frame.f_code.co_filename.startswith(OURS) or frame.f_locals.get("event") == "sys.settrace":
            return None
        seen.append((os.path.basename(frame.f_code.co_filename), frame.f_lineno, event))
        if len(seen) - 1 == step:
            sys.settrace(None)
            raise Interrupted
        return trace

    return trace, seen


def run(scene, root, step):
    """Run a scene that is interrupted at a step; return what was seen until then."""
    trace, seen = raising_at(step)
    try:
        with suppress(Interrupted):
            scene(root, trace)
    finally:
        sys.settrace(None)
    return seen


# The scenes: each traces what it is about.


def enter(root, trace):
    """Start a session."""
    sys.settrace(trace)
    with inject("os.mkdir bad -> EACCES or never", roots=[root]):
        sys.settrace(None)


def leave(root, trace):
    """End a session."""
    with inject("os.mkdir bad -> EACCES or never", roots=[root]):
        sys.settrace(trace)
    sys.settrace(None)


def inside(root, trace, action, check):
    """Do something under faults, be interrupted, and ask again."""
    with inject("os.mkdir bad -> EACCES or never", roots=[root]):
        try:
            sys.settrace(trace)
            with suppress(OSError):
                action(root)
            sys.settrace(None)
        except (Interrupted, RuntimeError):
            # An interruption may come while `Condition.wait` takes its lock again: who then leaves it does not
            # hold it. CPython's own is no other.
            check(root)
            raise Interrupted from None


def refused(root):
    """Assert that faults act: through a wrapper, and where a function was bound early."""
    for mkdir in (os.mkdir, *EARLY):
        with pytest.raises(PermissionError):
            mkdir(os.path.join(root, "bad"))


def waits(_root):
    """Assert that time is virtual."""
    before = time.monotonic()
    real = REAL[0]()
    time.sleep(60)
    assert 60 <= time.monotonic() - before < 61
    assert REAL[0]() - real < 30


def call(root, trace):
    """Make calls of all kinds."""

    def action(root):
        os.stat(root)
        with open(os.path.join(root, "f"), "w") as file:
            file.write("text")
        os.replace(os.path.join(root, "f"), os.path.join(root, "g"))
        try:
            EARLY[0](os.path.join(root, "bad"))
        except PermissionError:
            os.mkdir(os.path.join(root, "bad"))

    inside(root, trace, action, refused)


def wait(root, trace):
    """Wait in all ways."""

    def action(_root):
        time.sleep(1)
        threading.Event().wait(1)
        try:
            queue.Queue().get(timeout=1)
        except queue.Empty:
            threading.Condition().acquire()

    inside(root, trace, action, waits)


SCENES = (enter, leave, call, wait)


@pytest.fixture
def root(tmp_path, light_collections):
    """Return a directory; the first session of the process lies behind."""
    with inject(roots=[tmp_path]):
        pass
    for scene in SCENES:
        run(scene, str(tmp_path), -1)
    return str(tmp_path)


def check(scene, root, step, before):
    """Interrupt a scene at a step, and assert that nothing has stayed of it."""
    seen = run(scene, root, step)
    gc.collect()
    assert before == surroundings(), seen[-1]
    with inject("os.mkdir bad -> EACCES", roots=[root]):
        refused(root)
        waits(root)
        with ThreadPoolExecutor(1) as pool:  # whom a lock that is still held would block
            pool.submit(refused, root).result(timeout=60)
            pool.submit(interceptor().refresh).result(timeout=60)
    assert before == surroundings(), seen[-1]


def steps_of(scene, root):
    """Return how many steps a scene has."""
    return len(run(scene, root, -1))


def check_apart(*arguments):
    """Check in a thread of its own.

    CPython 3.11 keeps an exception as the handled one of a thread if a trace function raises as its handler ends:
    what comes later in that thread would have it as its context.
    """
    with ThreadPoolExecutor(1) as pool:
        pool.submit(check, *arguments).result()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("scene", SCENES)
def test_an_interruption_leaves_nothing_behind(scene, root):
    """At twenty of the lines, calls and returns of each scene, chosen by a seed."""
    before = surroundings()
    for step in sorted(random.Random(1).sample(range(steps_of(scene, root)), 20)):
        check_apart(scene, root, step, before)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("scene", SCENES)
def test_an_interruption_at_any_step_leaves_nothing_behind(scene, root):
    """At every line, call and return of each scene."""
    before = surroundings()
    for step in range(steps_of(scene, root)):
        check_apart(scene, root, step, before)


def raising_sessions(root, count, seed):
    """Start and end sessions, each of which a signal may interrupt; return how many were."""
    before, luck, interrupted = surroundings(), random.Random(seed), 0

    def handler(*_):
        raise Interrupted

    previous = signal.signal(signal.SIGALRM, handler)
    try:
        for number in range(count):
            try:
                signal.setitimer(signal.ITIMER_REAL, luck.uniform(1e-5, 2e-3))
                with inject("os.mkdir bad -> EACCES or never", roots=[root]):
                    os.path.exists(root)
                signal.setitimer(signal.ITIMER_REAL, 0)
            except Interrupted:
                interrupted += 1
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
            assert before == surroundings(), number
    finally:
        signal.signal(signal.SIGALRM, previous)
    return interrupted


@ALARM
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_signals_leave_nothing_behind(root):
    """Two hundred sessions are interrupted by a timer."""
    assert raising_sessions(root, 200, seed=1) > 20


@ALARM
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_many_signals_leave_nothing_behind(root):
    """Five thousand."""
    assert raising_sessions(root, 5_000, seed=2) > 500
