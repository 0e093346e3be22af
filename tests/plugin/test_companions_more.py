"""Other plugins beside ours, each loaded before it and after it: mock, randomly, asyncio, timeout, coverage."""

from __future__ import annotations

import json
import sys

import pytest
from luck import LUCK

ORDERS = {"theirs first": ("{}", "fsfault"), "ours first": ("fsfault", "{}")}


@pytest.fixture(params=ORDERS)
def beside(request, monkeypatch, pytester):
    """Return a function that runs pytest over one module with one other plugin; what it told is in `told.json`."""
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    for name in ("HOME", "USERPROFILE"):  # lest pytester's directory be no root
        monkeypatch.setenv(name, str(pytester.path.parent / "home"))
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")

    def beside(plugin, source, *arguments, apart=False):
        pytester.makepyfile(test_it=source)
        loaded = [word for name in ORDERS[request.param] for word in ("-p", name.format(plugin))]
        run = pytester.runpytest_subprocess if apart else pytester.runpytest_inprocess
        return run(
            *loaded, "-p", "no:cacheprovider", "-W", "error", "--fsfault-json", "told.json", *arguments
        )

    return beside


@pytest.fixture
def told(pytester):
    """Return a function that returns what the last run has told of each test."""
    return lambda: json.loads(pytester.path.joinpath("told.json").read_text("utf-8"))["tests"]


# Afterwards nothing of ours is left, and time is real again.
AFTER = """
def test_after(tmp_path):
    import os, time
    assert all("built-in" in repr(function) for function in (os.replace, os.mkdir, time.sleep))
    os.mkdir(tmp_path / "d")
"""

MOCK = """
import os, time, pytest

def replaced(directory):
    try:
        return os.replace(directory / "a", directory / "b") or "done"
    except FileNotFoundError:
        return "missing"
    except PermissionError:
        return "fault"

@pytest.mark.fsfault("os.replace -> ERROR_ACCESS_DENIED when first 2")
def test_spy(mocker, tmp_path):
    spy = mocker.spy(os, "replace")
    assert ["fault", "fault", "missing"] == [replaced(tmp_path) for _ in range(3)]
    assert 3 == spy.call_count
    assert isinstance(spy.spy_exception, FileNotFoundError)

@pytest.mark.parametrize("first", ["fsfault", "mocker"])
def test_patch(request, first, tmp_path):
    request.getfixturevalue(first)
    fsfault, mocker = map(request.getfixturevalue, ["fsfault", "mocker"])
    fsfault.add("os.replace -> EACCES when once")
    mocker.patch("os.replace", return_value="mocked")
    assert "mocked" == replaced(tmp_path)
    mocker.stopall()
    assert ["fault", "missing"] == [replaced(tmp_path) for _ in range(2)]
    mocker.patch("os.replace", side_effect=PermissionError)

@pytest.fixture(scope="module")
def broad(module_mocker):
    return module_mocker.patch("os.link", return_value="mocked")

@pytest.mark.fsfault("os.replace -> EACCES when once", "os.link -> EACCES or never")
def test_broad(broad, tmp_path):
    assert ("mocked", "fault") == (os.link(tmp_path, tmp_path), replaced(tmp_path))
    broad.assert_called_once_with(tmp_path, tmp_path)

def test_sleep(fsfault, mocker):
    sleep = mocker.patch("time.sleep")
    time.sleep(3600)
    sleep.assert_called_once_with(3600)
"""


def test_pytest_mock(beside):
    """Spies see the faults, patches come before them and leave them in place, of whatever scope they are."""
    pytest.importorskip("pytest_mock")
    beside("pytest_mock", MOCK + AFTER).assert_outcomes(passed=6)


RANDOMLY = (
    LUCK
    + """
import random
@pytest.mark.parametrize("n", range(5))
@pytest.mark.fsfault("os.replace -> EACCES when 30%")
def test_it(tmp_path, n, record_property):
    state = random.getstate()
    record_property("met", fate(tmp_path))
    assert state == random.getstate()
"""
)


def test_pytest_randomly(beside, told, pytester):
    """A test meets the same faults in whatever order it comes, and the random numbers it draws are its own."""
    pytest.importorskip("pytest_randomly")
    seen = []
    for seed in ("1", "2"):
        result = beside("randomly", RANDOMLY, f"--randomly-seed={seed}", "--fsfault-seed", "5")
        result.assert_outcomes(passed=5)
        seen.append(
            {test["id"]: [one["path"][-6:] for one in test["calls"] if one["fault"]] for test in told()}
        )
    assert list(seen[0]) != list(seen[1])
    assert seen[0] == seen[1]


ASYNCIO = """
import asyncio, os, time, pytest, pytest_asyncio

@pytest_asyncio.fixture
async def place(tmp_path):
    (tmp_path / "a").write_text("a")
    os.replace(tmp_path / "a", tmp_path / "b")
    await asyncio.sleep(0)
    yield tmp_path
    os.replace(tmp_path / "b", tmp_path / "a")

@pytest.mark.asyncio
@pytest.mark.fsfault("os.replace -> ERROR_ACCESS_DENIED when first 3")
async def test_marker(place, fsfault):
    a, b = place / "a", place / "b"
    with pytest.raises(PermissionError):
        os.replace(b, a)
    await asyncio.sleep(0.001)
    for refused in (
        asyncio.to_thread(os.replace, b, a), asyncio.get_running_loop().run_in_executor(None, os.replace, b, a)
    ):
        with pytest.raises(PermissionError):
            await refused
    assert ["raised"] * 3 == [entry.outcome for entry in fsfault.journal]

@pytest.mark.asyncio
async def test_together(place, fsfault):
    armed = fsfault.add("os.mkdir -> EACCES when every 2")
    async def make(n):
        await asyncio.sleep(0.001)
        os.mkdir(place / str(n))
    made = await asyncio.gather(*map(make, range(6)), return_exceptions=True)
    assert (3, 3, 6) == (armed.fired, sum(isinstance(one, PermissionError) for one in made), armed.matched)

@pytest.mark.asyncio
@pytest.mark.fsfault("os.rmdir -> EACCES")
async def test_verdict(place):
    await asyncio.sleep(0)

@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("n", range(2))
async def test_one_loop(fsfault, tmp_path, n):
    fsfault.add("os.mkdir -> EACCES when once")
    with pytest.raises(PermissionError):
        os.mkdir(tmp_path / "d")
    await asyncio.sleep(0.001)
    os.mkdir(tmp_path / "d")

@pytest.mark.asyncio(loop_scope="module")
async def test_one_loop_without_faults(tmp_path):
    await asyncio.wait_for(asyncio.to_thread(os.mkdir, tmp_path / "d"), 60)
"""


def test_pytest_asyncio(beside, told):
    """Coroutines and the threads of their loop are under fault, asynchronous fixtures are not; a verdict is an F."""
    pytest.importorskip("pytest_asyncio")
    options = ("-o", "asyncio_default_fixture_loop_scope=function")
    result = beside("asyncio", ASYNCIO + AFTER, *options, apart=True)
    result.assert_outcomes(passed=6, failed=1)
    result.stdout.fnmatch_lines(["`os.rmdir` never fired: no call of os.rmdir below the roots"])
    assert [3, 3, 0, 1, 1] == [sum(bool(one["fault"]) for one in test["calls"]) for test in told()]


TIMEOUT = """
import os, select, signal, subprocess, sys, threading, queue, time, pytest

def no_time_left():
    signal.setitimer(signal.ITIMER_REAL, 0.05)

def hang_select():
    select.select([], [], [], 600)

def hang_lock():
    held = threading.Lock()
    held.acquire()
    held.acquire()

def hang_event():
    threading.Event().wait()

def hang_queue():
    queue.Queue().get()

def hang_poll():
    while not os.path.exists("nowhere"):
        time.sleep(1)

@pytest.fixture
def child():
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as process:
        yield process
        process.kill()

@pytest.mark.timeout(600)
@pytest.mark.fsfault("os.mkdir -> ERROR_ACCESS_DENIED when first 1")
@pytest.mark.parametrize("hang", [hang_select, hang_lock, hang_event, hang_queue, hang_poll])
def test_hang(hang, tmp_path):
    with pytest.raises(PermissionError):
        os.mkdir(tmp_path / "d")
    no_time_left()
    hang()

@pytest.mark.timeout(600, func_only=True)
def test_the_call_alone(fsfault, child):
    no_time_left()
    child.wait()

@pytest.mark.timeout(600)
@pytest.mark.fsfault("os.mkdir -> delay 60m when once")
def test_virtual_time_runs_into_no_limit(tmp_path):
    os.mkdir(tmp_path / "d")
    time.sleep(3600)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX fact: signals")
def test_pytest_timeout(beside, told):
    """A hang in a real or virtual wait is ended and shows its faults; the next test finds everything restored."""
    pytest.importorskip("pytest_timeout")
    result = beside("timeout", TIMEOUT + AFTER, "--timeout-method=signal", "--tb=short", apart=True)
    result.assert_outcomes(passed=2, failed=6)
    assert 6 == sum(
        line.startswith("E   Failed: Timeout (>600.0s) from pytest-timeout.") for line in result.outlines
    )
    result.stdout.fnmatch_lines(["#0 *s  os.mkdir */d  raised, at test_it.py:*"])
    assert 5 * [1] + [0, 1] == [sum(bool(one["fault"]) for one in test["calls"]) for test in told()]


THREAD = """
import os, select, socket, time, pytest

@pytest.mark.timeout(600, func_only=True)
@pytest.mark.fsfault("os.mkdir -> delay 60m when once")
def test_virtual_time_runs_into_no_limit(tmp_path):
    os.mkdir(tmp_path / "d")
    time.sleep(3600)

@pytest.mark.timeout(0.2, func_only=True)
@pytest.mark.fsfault("os.mkdir -> EACCES or never")
def test_hang(tmp_path):
    one, other = socket.socketpair()
    with one, other:
        select.select([one], [], [], 600)
"""


def test_pytest_timeout_by_thread(beside):
    """Its timer, started while faults are active, runs by real time, and ends the process as it does without them."""
    pytest.importorskip("pytest_timeout")
    result = beside("timeout", THREAD, "--timeout-method=thread", "-v", apart=True)
    assert 1 == result.ret
    result.stdout.fnmatch_lines(
        ["*::test_virtual_time_runs_into_no_limit PASSED*", "*::test_hang *", "*+ Timeout +*"]
    )
    assert "test_hang PASSED" not in result.stdout.str()


INSTALLER = """
import os
from concurrent.futures import ThreadPoolExecutor

def careful(source, target, early=os.replace):
    try:
        early(source, target)
    except FileNotFoundError:
        result = "missing"
    except PermissionError:
        result = retried(source, target)
    else:
        result = "done"
    return result

def retried(source, target):
    for attempt in range(3):
        try:
            os.replace(source, target)
        except PermissionError:
            continue
        return attempt
    raise RuntimeError("in vain")

def install(directory):
    with ThreadPoolExecutor(2) as pool:
        made = pool.map(lambda name: careful(directory / name, directory / (name + "2")), "ab")
        return list(made)
"""
INSTALLED = """
import pytest
from installer import install

@pytest.mark.fsfault("os.replace a -> ERROR_SHARING_VIOLATION when first 3", "os.replace b -> ENOENT when once")
def test_retried(tmp_path):
    (tmp_path / "a").write_text("a")
    assert [2, "missing"] == install(tmp_path)

def test_done(fsfault, tmp_path):
    for name in "ab":
        (tmp_path / name).write_text("a")
    assert ["done", "done"] == install(tmp_path)

@pytest.mark.fsfault("os.replace a -> EACCES")
def test_in_vain(tmp_path):
    with pytest.raises(RuntimeError):
        install(tmp_path)
"""


def test_pytest_cov(beside, pytester):
    """Coverage under faults is complete, in threads and after errors that the audit hook has raised."""
    pytest.importorskip("pytest_cov")
    pytester.makepyfile(installer=INSTALLER)
    options = ("--cov=installer", "--cov-branch", "--cov-report=json:cov.json")
    beside("pytest_cov", INSTALLED + AFTER, *options, apart=True).assert_outcomes(passed=4)
    found = json.loads(pytester.path.joinpath("cov.json").read_text("utf-8"))["files"]["installer.py"]
    assert ([], []) == (found["missing_lines"], found["missing_branches"])
    assert (True, True) == (len(found["executed_lines"]) > 20, len(found["executed_branches"]) > 0)
