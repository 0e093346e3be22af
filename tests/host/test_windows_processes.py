"""Children on Windows, told from a snapshot of all processes."""

import io
import os
import subprocess
import sys
import time
import zipfile

import pytest
from skips import WINDOWS, wine_differs

from pytest_fsfault import inject
from pytest_fsfault._host import launchers
from pytest_fsfault._host.launchers import carries_script, is_launcher
from pytest_fsfault._host.processes import child_lives
from pytest_fsfault._host.windows_processes import ProcessState, Snapshot, snapshot
from pytest_fsfault._intercept.children.parent import activity

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
        ([process(11, ME, 200, "pip.exe"), process(12, 11, 201, "python.exe")], (12,), []),
        ([process(11, ME, 200, "pip.exe"), process(12, 11, 201, "python.exe")], (), [11, 12]),
        (
            [
                process(11, ME, 200, "pip.exe"),
                process(12, 11, 201, "python.exe"),
                process(13, 12, 202, "python.exe"),
            ],
            (13,),
            [],
        ),  # an environment has both
        (
            [
                process(11, ME, 200, "pip.exe"),
                process(12, 11, 201, "cmd.exe"),
                process(13, 12, 202, "python.exe"),
            ],
            (13,),
            [11, 12],
        ),
    ],
)
def test_strangers_are_the_descendants_that_nobody_knows(others, known, strangers):
    """By parent and time of start; a launcher above a known Python is no stranger."""
    found = Snapshot([process(ME, 1, 100), process(4, 0, 1), *others])
    launches = lambda number, started, name: is_launcher(number, started, name) or name == "pip.exe"  # noqa: E731
    assert strangers == [one.number for one in found.strangers(ME, known, launches)]


def zipped(source):
    """Return a zip file with a script, which a launcher carries."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as file:
        file.writestr("__main__.py", source)
    return made.getvalue()


@pytest.mark.parametrize(
    ("files", "launches"),
    [
        ({"tool.exe": b"MZ" + zipped("")}, True),
        ({"tool.exe": b"MZ" + zipped("") + b"C:\\python.exe\x0e\0\0\0UVSC"}, True),
        ({"tool.exe": b"MZ", "tool-script.py": b"import tool"}, True),
        ({"tool.exe": b"MZ", "tool-script.pyw": b"import tool"}, True),
        ({"tool.exe": b"MZ", "tool-script.py": b""}, False),
        ({"tool.exe": b"MZ", "tool.py": b"import tool"}, False),
        ({"tool.exe": b"MZ __main__.py"}, False),
        ({"tool.exe": b"MZ" + bytes(1 << 20) + zipped("")}, False),  # a program with its Python in it
        ({"tool.exe/": b""}, False),
        ({}, False),
    ],
)
def test_a_launcher_carries_a_script(tmp_path, files, launches):
    """In its file, as a zip, or beside it; it is small."""
    for name, content in files.items():
        if name.endswith("/"):
            (tmp_path / name).mkdir()
        else:
            (tmp_path / name).write_bytes(content)
    assert launches is carries_script(str(tmp_path / "tool.exe"))


def test_a_program_is_looked_at_once(monkeypatch, tmp_path):
    """A process is known by its number and its start; when many are, they are forgotten."""
    asked = []
    monkeypatch.setattr(launchers, "_known", {})
    monkeypatch.setattr(launchers, "_MOST", 2)
    monkeypatch.setattr(launchers, "_path_of", lambda number: asked.append(number) or "")
    assert [False] * 5 == [is_launcher(number, 7, "tool.exe") for number in (1, 1, 2, 3, 1)]
    assert [1, 2, 3, 1] == asked
    assert is_launcher(1, 8, "PythonW.exe")


@pytest.mark.skipif(not WINDOWS, reason="asks Windows itself")
def test_the_launcher_of_a_command_waits_for_its_python(tmp_path):
    """It is no stranger: while it lives, virtual time passes as with its child alone."""
    distlib = pytest.importorskip("pip._vendor.distlib")
    with open(os.path.join(os.path.dirname(distlib.__file__), "t64.exe"), "rb") as file:
        launcher = file.read()
    source = (
        "import os, sys, time\nos.stat(sys.argv[1])\nprint(os.getpid(), flush=True)\n"
        "time.sleep(3600)\nopen(sys.argv[1], 'w').close()\n"
    )
    tool, made = tmp_path / "tool.exe", tmp_path / "tree" / "made"
    tool.write_bytes(launcher + b"#!" + os.fsencode(sys.executable) + b"\r\n" + zipped(source))
    made.parent.mkdir()
    (made.parent / "there").touch()
    with inject(roots=[made.parent]) as fsfault:
        with subprocess.Popen([tool, made.parent / "there"], stdout=subprocess.PIPE) as child:
            python = int(child.stdout.readline())
            assert python != child.pid
            assert child_lives()
            assert not child_lives([python])
            before = time.monotonic()
            time.sleep(7200)
            assert 7200 <= time.monotonic() - before < 8000
        assert 0 == child.returncode
        assert [] == list(fsfault.journal.faults)


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


# A thread with its CPU time, switches and state, look for look, 20 ms apart; from which look on it counts as idle.
RUNNING, WAITING = 2, 5
LIVES = {
    "waits": ([(5, 3, WAITING)] * 20, 4),
    "runs at times": ([*((5, n // 4, WAITING) for n in range(12)), *[(5, 3, WAITING)] * 8], 16),
    "waits for a CPU": ([(5, 3, RUNNING)] * 20, None),
    "waits for a CPU at first": ([*[(5, 3, RUNNING)] * 9, *[(5, 3, WAITING)] * 11], 13),
    "waits, as Wine tells it": ([(5, 0, 0)] * 20, 13),
    "runs at times, as Wine tells it": ([(n // 9, 0, 0) for n in range(20)], None),
}


@pytest.mark.parametrize("life", LIVES)
def test_a_child_is_idle_once_none_of_its_threads_has_moved_for_long_enough(life, monkeypatch):
    """Longer where the system tells less of a thread: there it may wait for a CPU."""
    looks, idle_from = LIVES[life]
    monkeypatch.setattr("pytest_fsfault._intercept.virtual_time.idle._QUIET", 40_000_000)
    children = activity.ChildActivity(lambda _: (), lambda _: (), lambda: False)
    seen = []
    for look, state in enumerate(looks):
        listed = ProcessState(11, ME, 200, "python.exe", 1, lambda state=state: [(7, *state)])
        monkeypatch.setattr(activity, "snapshot", lambda listed=listed: Snapshot([listed]))
        seen.append(children._is_busy_on_windows(11, look * 20_000_000))
    assert [idle_from is None or look < idle_from for look in range(20)] == seen
