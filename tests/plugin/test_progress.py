"""A sweep or a tolerance that lasts tells how far it is: on a terminal, and nowhere else."""

from __future__ import annotations

import io
import os
import re
import select
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest
from skips import posix_fact

from pytest_fsfault._plugin import progress
from pytest_fsfault._plugin.progress import SweepProgress

SOURCE = """
import os, pytest
from pytest_fsfault._plugin import progress
progress.PATIENCE = progress.INTERVAL = {patience}
def test_sweep(fsfault):
    for trial in fsfault.sweep(lambda root: (root / "a").touch(), faults=["EIO"], persist=False):
        with trial as root:
            os.rename(root / "a", root / "b")
            os.rename(root / "b", root / "c")
        trial.check_atomic()
def test_tolerance(fsfault):
    def body(root): os.rename(root / "a", root / "b")
    fsfault.tolerance(body, prepare=lambda root: (root / "a").touch(), hold="a", up_to="4ms")
"""
SHOWN = [
    "sweep: trial 1 of 2, 0 failed so far",
    "sweep: trial 2 of 2, 0 failed so far",
    "tolerance: trial 1 of 3 at most, 0 failed so far",
    "tolerance: trial 2 of 3 at most, 1 failed so far",
    "tolerance: trial 3 of 3 at most, 2 failed so far",
]


class _Terminal(io.StringIO):
    """What pytest's reporter writes to."""

    fullwidth, width_of_current_line = 30, 7

    def __init__(self):
        super().__init__()
        self._file = self


def _config(terminal, *, isatty):
    reporter = SimpleNamespace(_tw=terminal, isatty=isatty)
    plugins = {"terminalreporter": reporter}
    return SimpleNamespace(pluginmanager=SimpleNamespace(getplugin=plugins.get))


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    """Put back what a run of pytest within this process has set."""
    for name in ("PATIENCE", "INTERVAL"):
        monkeypatch.setattr(progress, name, getattr(progress, name))


@pytest.fixture
def now(monkeypatch):
    """The clock that the progress reads."""
    clock = SimpleNamespace(seconds=100.0)
    monkeypatch.setattr(progress, "monotonic", lambda: clock.seconds)
    monkeypatch.delenv("TERM", raising=False)
    return clock


def test_patience(now):
    """The first line comes after five seconds; a later one takes its place; the end goes back to where pytest was."""
    terminal = _Terminal()
    shown = SweepProgress(_config(terminal, isatty=True))
    for second in range(8):
        now.seconds = 100.0 + second
        shown.tell(f"trial {second} " + "x" * 40)
    shown.tell("")
    lines = [f"trial {second} " + "x" * 21 for second in (5, 6, 7)]
    assert f"\n{lines[0]}\r\x1b[K{lines[1]}\r\x1b[K{lines[2]}\r\x1b[K\x1b[A\x1b[7C" == terminal.getvalue()


def test_each_sweep_has_its_own_patience(now):
    """What another sweep has lasted does not count."""
    terminal = _Terminal()
    shown = SweepProgress(_config(terminal, isatty=True))
    for second in range(20):
        now.seconds = 100.0 + second
        shown.tell("trial")
        if second % 4 == 3:
            shown.tell("")
    assert "" == terminal.getvalue()


@pytest.mark.parametrize(("isatty", "term"), [(False, "xterm"), (True, "dumb")])
def test_a_log_gets_nothing(now, monkeypatch, isatty, term):
    """Nor does a terminal that cannot go back."""
    monkeypatch.setenv("TERM", term)
    terminal = _Terminal()
    shown = SweepProgress(_config(terminal, isatty=isatty))
    for text in ("trial", "trial", ""):
        shown.tell(text)
        now.seconds += 10
    assert "" == terminal.getvalue()


def test_a_worker_has_no_terminal(now):
    """A worker of xdist says nothing."""
    asked = []
    shown = SweepProgress(SimpleNamespace(pluginmanager=SimpleNamespace(getplugin=asked.append)))
    shown.tell("trial")
    now.seconds += 10
    shown.tell("trial")
    assert {"terminalreporter"} == set(asked)
    assert not shown._shown


def test_a_pipe_gets_nothing(run):
    """A run whose output goes to a file shows no progress, however long it takes."""
    result = run(SOURCE.format(patience=0))
    result.assert_outcomes(passed=1, failed=1)
    assert not re.search("so far|\x1b", result.stdout.str())


@posix_fact("a terminal made by pty")
def test_on_a_terminal(tmp_path):
    """It shows trial n of m and how many have failed, past pytest's capturing; the lines of pytest stay whole."""
    (tmp_path / "test_it.py").write_text(SOURCE.format(patience=0))
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "COV"))
    }
    environment |= {"TERM": "xterm", "COLUMNS": "80", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "NO_COLOR": "1"}
    command = [sys.executable, "-m", "pytest", "-p", "fsfault", "-p", "no:cacheprovider", "test_it.py"]
    text = _in_terminal(command, tmp_path, environment)
    assert SHOWN == re.findall(r"(?:sweep|tolerance): [^\r]* so far", text)
    assert re.search(r"test_it\.py F?\r\n", text)
    # What is left once the terminal has obeyed: a line of pytest's with both results.
    assert re.search(r"\x1b\[A\x1b\[11CF.*\x1b\[A\x1b\[12C\.", text, re.DOTALL), text


def _in_terminal(command, directory, environment):
    """Return what a program writes to a terminal of its own."""
    import pty

    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        command, cwd=directory, env=environment, stdin=theirs, stdout=theirs, stderr=theirs, close_fds=True
    )
    os.close(theirs)
    found, until = b"", time.monotonic() + 120
    while time.monotonic() < until:
        if not select.select([ours], [], [], 1)[0]:
            continue
        try:
            chunk = os.read(ours, 65536)
        except OSError:  # the last one has closed it
            break
        if not chunk:
            break
        found += chunk
    os.close(ours)
    child.wait(30)
    return found.decode("utf-8", "replace")
