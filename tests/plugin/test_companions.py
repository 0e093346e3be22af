"""Other plugins beside ours: mocks, xdist, randomly, coverage."""

from __future__ import annotations

import json

import pytest
from luck import LUCK
from skips import QUOTE

MOCKS = """
import os, pytest
from unittest import mock
RULE = pytest.mark.fsfault("os.replace -> EIO or never")
def replaced(directory):
    try:
        return os.replace(directory / "a", directory / "b")
    except FileNotFoundError:
        return "missing"
    except OSError:
        return "fault"

def test_fixture_then_monkeypatch(fsfault, monkeypatch, tmp_path):
    fsfault.add("os.replace -> EIO")
    assert "fault" == replaced(tmp_path)
    monkeypatch.setattr(os, "replace", lambda a, b: "mocked")
    assert "mocked" == replaced(tmp_path)
    monkeypatch.undo()
    assert "fault" == replaced(tmp_path)
    monkeypatch.setattr(os, "replace", lambda a, b: "left")

def test_monkeypatch_then_fixture(monkeypatch, fsfault, tmp_path):
    monkeypatch.setattr(os, "replace", lambda a, b: "mocked")
    fsfault.add("os.replace -> EIO or never")
    assert "mocked" == replaced(tmp_path)

def test_late_fixture(monkeypatch, request, tmp_path):
    monkeypatch.setattr(os, "replace", lambda a, b: "mocked")
    fsfault = request.getfixturevalue("fsfault")
    fsfault.add("os.replace -> EIO or never")
    fsfault.add("os.rename -> EBUSY")
    assert "mocked" == replaced(tmp_path)
    with pytest.raises(OSError):
        os.rename(tmp_path, tmp_path)

@RULE
def test_spy(tmp_path):
    with mock.patch("os.replace", wraps=os.replace) as spy:
        assert "fault" == replaced(tmp_path)
    assert 1 == spy.call_count

@RULE
@mock.patch("os.replace", return_value="mocked")
def test_decorator(replace, tmp_path):
    assert "mocked" == replaced(tmp_path)

@pytest.fixture(scope="module")
def broad():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "link", lambda a, b: "mocked")
        yield

@RULE
def test_broad(broad, tmp_path):
    assert "mocked" == os.link(tmp_path, tmp_path)

def test_broad_without_faults(broad, tmp_path):
    assert ("mocked", "missing") == (os.link(tmp_path, tmp_path), replaced(tmp_path))

def test_after(tmp_path):
    assert "built-in" in repr(os.replace)
    assert "missing" == replaced(tmp_path)
"""


def test_mocks(run):
    """Mocks and faults of the same function go together in each order, and both are gone afterwards."""
    run(MOCKS).assert_outcomes(passed=8)


MOCKER = """
import os, pytest
@pytest.mark.fsfault("os.replace -> EIO when once")
def test_spy(mocker, tmp_path):
    spy = mocker.spy(os, "replace")
    with pytest.raises(OSError):
        os.replace(tmp_path / "a", tmp_path / "b")
    assert 1 == spy.call_count
def test_patch(mocker, fsfault, tmp_path):
    fsfault.add("os.replace -> EIO or never")
    mocker.patch("os.replace", return_value=5)
    assert 5 == os.replace("a", "b")
def test_sleep(fsfault, mocker):
    import time
    mocker.patch("time.sleep")
    time.sleep(3600)
    time.sleep.assert_called_once_with(3600)
def test_after():
    assert "built-in" in repr(os.replace)
"""


def load(*names):
    """Return the options that load these plugins and ours."""
    return [word for name in ("fsfault", *names) for word in ("-p", name)]


@pytest.fixture
def alone(monkeypatch, pytester):
    """Load none of the installed plugins unless they are named."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)


def test_pytest_mock(pytester, alone):
    """pytest-mock patches and spies on top of faults."""
    pytest.importorskip("pytest_mock")
    pytester.makepyfile(MOCKER)
    pytester.runpytest_subprocess(*load("pytest_mock")).assert_outcomes(passed=4)


XDIST = (
    LUCK
    + r"""
@pytest.mark.parametrize("n", range(6))
def test_it(tmp_path, tmp_path_factory, n):
    assert tmp_path_factory.mktemp("data")
    fate(tmp_path)
@pytest.mark.fsfault("os.remove -> WinError 5")
def test_red(tmp_path):
    os.remove(os.fsencode(tmp_path) + b"/\xff")
@pytest.mark.fsfault("os.remove -> WinError 5")
def test_verdict(tmp_path): pass
"""
)
RULE = ["--fsfault-rule", "os.replace -> EACCES when 30%"]


def test_xdist(pytester, alone):
    """Under pytest-xdist all workers have one seed, and what they saw is told once, as without it."""
    pytest.importorskip("xdist")
    pytester.makepyfile(test_it=XDIST)
    arguments = [*load("xdist"), *RULE, "--fsfault-seed", "5", "--fsfault-show", "faults", "--fsfault-json"]
    spread = pytester.runpytest_subprocess("-n2", *arguments, "spread.json")
    spread.assert_outcomes(passed=6, failed=2)
    single = pytester.runpytest_subprocess(*arguments, "single.json")
    told = [json.loads((pytester.path / name).read_text("utf-8")) for name in ("spread.json", "single.json")]
    assert told[0]["run"]["seed"] == told[1]["run"]["seed"] == 5
    seen = [
        sorted((test["id"], [(one["path"].partition("/")[2], one["error"]["text"][:30]) for one in test["calls"] if one["fault"]]) for test in data["tests"])
        for data in told
    ]  # fmt: skip
    assert seen[0] == seen[1]
    for result in (spread, single):
        assert 1 == result.stdout.str().count("8 tests under fault, ")
        result.stdout.fnmatch_lines(
            [f"fsfault: --fsfault-rule {QUOTE}os.replace -> EACCES when 30%{QUOTE} --fsfault-seed 5", "*= fsfault: test_it.py::test_it[[]?] =*", "#* os.replace *"]
        )  # fmt: skip
        result.stdout.fnmatch_lines(
            ["to reproduce: pytest test_it.py::test_red --fsfault-rule * --fsfault-seed 5"]
        )


def test_xdist_new_seed(pytester, alone):
    """A new seed is the same for all workers, and is the last one afterwards."""
    pytest.importorskip("xdist")
    pytester.makepyfile(test_it=XDIST)
    arguments = [*load("xdist"), *RULE, "-n2", "--fsfault-json", "told.json"]
    found = []
    for more in ([], ["--fsfault-seed", "last"]):
        pytester.runpytest_subprocess(*arguments, *more)
        data = json.loads((pytester.path / "told.json").read_text("utf-8"))
        found.append({data["run"]["seed"], *(int(test["seed"].partition(":")[0]) for test in data["tests"])})
    assert 1 == len(found[0])
    assert found[0] == found[1]


def test_randomly(pytester, alone):
    """Under pytest-randomly a test meets the same faults in whatever order it comes."""
    pytest.importorskip("pytest_randomly")
    pytester.makepyfile(test_it=XDIST)
    seen = []
    for order in ("1", "2"):
        arguments = [*load("randomly"), *RULE, "--fsfault-seed", "5", "-p", f"randomly_seed={order}"][:-2]
        result = pytester.runpytest_subprocess(
            *arguments, f"--randomly-seed={order}", "--fsfault-json", "told.json", "-v"
        )
        result.assert_outcomes(passed=6, failed=2)
        tests = json.loads((pytester.path / "told.json").read_text("utf-8"))["tests"]
        seen.append(
            {
                test["id"]: [one["path"].partition("/")[2] for one in test["calls"] if one["fault"]]
                for test in tests
            }
        )
    assert list(seen[0]) != list(seen[1])
    assert seen[0] == seen[1]


def test_coverage(pytester, alone):
    """pytest-cov measures tests under fault, their traced lines included."""
    pytest.importorskip("pytest_cov")
    pytester.makepyfile(
        installer="import os\ndef install(d):\n    try:\n        os.replace(d / 'a', d / 'b')\n    except OSError:\n        return 1",
        test_it="import pytest, installer\n@pytest.mark.fsfault('open, os.replace -> EIO')\ndef test_it(tmp_path): assert installer.install(tmp_path)",
    )
    result = pytester.runpytest_subprocess(*load("pytest_cov"), "--cov=installer", "--cov-report=term")
    result.stdout.fnmatch_lines(["installer.py * 6 * 0 * 100%", "1 test under fault, 1 fault; *"])
