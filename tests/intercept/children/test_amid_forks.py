"""What a signal handler raises while a process forks is met by the code that forks."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest
from skips import posix_fact

from pytest_fsfault import inject
from pytest_fsfault._host.package import PACKAGE
from pytest_fsfault._intercept.children.parent import amid_forks, supervisor

pytestmark = posix_fact("os.fork")


class Interrupted(BaseException):
    """What the handler raises."""


@pytest.fixture
def interrupting(monkeypatch, tmp_path):
    """Let a signal come in a hook of a fork, once; its handler raises."""

    def handler(_number, _frame):
        raise Interrupted

    def interrupt(when):
        real = getattr(supervisor.ChildSupervisor, when)

        def once(self):
            monkeypatch.setattr(supervisor.ChildSupervisor, when, real)
            signal.raise_signal(signal.SIGUSR1)

        monkeypatch.setattr(supervisor.ChildSupervisor, when, once)

    before = signal.signal(signal.SIGUSR1, handler), sys.unraisablehook, sys.gettrace()
    sys.settrace(None)  # a coverage measurement's
    with inject("os.mkdir -> EACCES or never", roots=[tmp_path]):
        subprocess.run([sys.executable, "-c", f"import os; os.listdir({os.fspath(tmp_path)!r})"], check=True)
        yield interrupt
    sys.settrace(before[2])
    signal.signal(signal.SIGUSR1, before[0])
    assert before[1] is sys.unraisablehook
    assert [] == amid_forks._kept == amid_forks._before


def fork(directory):
    """Fork a child that says what becomes of a call; the next instruction may raise in the parent."""
    if not os.fork():
        told = "no error"
        try:
            os.mkdir(directory / "d")
        except OSError as error:
            told = type(error).__name__
        finally:
            (directory / "new").write_text(f"{os.getpid()} {told}")
            (directory / "new").rename(directory / "told")
            os._exit(0)


def child(directory):
    """Return what the child said, once it has ended."""
    until = time.perf_counter() + 60
    while not (directory / "told").exists() and time.perf_counter() < until:
        subprocess.run(["sleep", "0.01"], check=True)
    number, _, told = (directory / "told").read_text().partition(" ")
    os.waitpid(int(number), 0)
    (directory / "told").unlink()
    return told


@pytest.mark.parametrize("when", ["before_fork", "after_fork"])
def test_a_signal_amid_a_hook(interrupting, tmp_path, when):
    """The line that forks raises it; the child does not, and meets the faults; so does the next one."""
    interrupting(when)
    with pytest.raises(Interrupted) as caught:
        fork(tmp_path)
    assert "fork" in [entry.name for entry in caught.traceback]
    assert "PermissionError" == child(tmp_path)
    assert sys.gettrace() is None
    fork(tmp_path)
    assert "PermissionError" == child(tmp_path)


def test_a_signal_before_the_first_line_of_a_hook(interrupting, tmp_path, monkeypatch):
    """Python hands over to its hook what was raised there: it is kept as well, and what is another's goes on."""
    others = []
    monkeypatch.setattr(sys, "unraisablehook", others.append)
    real = supervisor.ChildSupervisor.before_fork

    def before(self):
        real(self)
        monkeypatch.setattr(supervisor.ChildSupervisor, "before_fork", real)
        for owner in (supervisor._after_fork, None):
            sys.unraisablehook(SimpleNamespace(object=owner, exc_value=Interrupted()))

    monkeypatch.setattr(supervisor.ChildSupervisor, "before_fork", before)
    with pytest.raises(Interrupted):
        fork(tmp_path)
    assert "PermissionError" == child(tmp_path)
    assert [None] == [one.object for one in others]
    monkeypatch.undo()


def test_an_error_of_ours_amid_a_hook(monkeypatch):
    """The code that forks does not meet it: the hook raises it, and Python prints that."""
    monkeypatch.setattr(amid_forks, "_hooks", [])
    monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)
    hook = amid_forks.keeping(eval(compile("lambda: 1 / 0", f"{PACKAGE}ours.py", "eval")))
    with pytest.raises(ZeroDivisionError):
        hook()
    amid_forks.raise_kept()
    assert [] == amid_forks._kept == amid_forks._before


def test_a_signal_while_the_fork_is_traced(interrupting, tmp_path, monkeypatch):
    """The tracer stays, and Python tells of the exception as it does of any hook's."""
    told = []
    monkeypatch.setattr(sys, "unraisablehook", told.append)
    interrupting("after_fork")

    def trace(*_):
        return None

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        fork(tmp_path)
        there = sys.gettrace()
    finally:
        sys.settrace(before)
    assert (trace, [Interrupted]) == (there, [one.exc_type for one in told])
    assert "PermissionError" == child(tmp_path)
    told.clear()
    monkeypatch.undo()
