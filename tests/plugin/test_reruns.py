"""Beside pytest-rerunfailures: a test that runs again begins anew."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("pytest_rerunfailures")

RERUNS = """
import os, pytest
from collections import Counter
RUNS = Counter()

def third(name):
    RUNS[name] += 1
    return RUNS[name] == 3

@pytest.mark.fsfault("os.mkdir -> ERROR_SHARING_VIOLATION when first 1")
def test_marker(tmp_path):
    with pytest.raises(PermissionError):
        os.mkdir(tmp_path / "d")
    os.mkdir(tmp_path / "d")
    assert third("marker")

def flaky(fsfault, directory, name):
    armed = fsfault.add("os.mkdir -> EACCES when first 1")
    assert (0, 0) == (armed.matched, len(fsfault.journal))
    with pytest.raises(PermissionError):
        os.mkdir(directory / "d")
    assert third(name)

def test_fixture(fsfault, tmp_path):
    flaky(fsfault, tmp_path, "fixture")

def test_late_fixture(request, tmp_path):
    flaky(request.getfixturevalue("fsfault"), tmp_path, "late fixture")

def test_fixture_at_first(request):
    if not RUNS["at first"]:
        request.getfixturevalue("fsfault")
    assert third("at first")

@pytest.mark.fsfault("os.mkdir -> EACCES")
def test_verdict(tmp_path):
    if third("verdict"):
        with pytest.raises(PermissionError):
            os.mkdir(tmp_path / "d")

@pytest.mark.fsfault("os.mkdir -> EACCES when 50% or never")
def test_luck(tmp_path, record_property):
    for n in range(30):
        try:
            os.mkdir(tmp_path / str(n))
        except PermissionError:
            pass
    assert third("luck")

@pytest.mark.fsfault("os.rmdir -> EACCES")
def test_red(tmp_path):
    pass

def test_after():
    assert "built-in" in repr(os.mkdir)
"""


@pytest.mark.usefixtures("run")
@pytest.mark.parametrize("order", [("rerunfailures", "fsfault"), ("fsfault", "rerunfailures")])
def test_pytest_rerunfailures(pytester, order):
    """Each rerun is a session of its own: counts from zero, the same luck; a rule that never fired is worth a rerun."""
    pytester.makepyfile(RERUNS)
    loaded = [word for name in order for word in ("-p", name)]
    result = pytester.runpytest_inprocess(
        *loaded, "-W", "error", "--reruns", "2", "--fsfault-json", "told.json"
    )
    result.assert_outcomes(passed=7, failed=1)
    result.stdout.fnmatch_lines(["6 tests under fault, * faults, 13 reruns; *", "*, 14 rerun in *"])
    found = {}
    for test in json.loads(pytester.path.joinpath("told.json").read_text("utf-8"))["tests"]:
        met = [one["path"].rpartition("/")[2] for one in test["calls"] if one["fault"]]
        found.setdefault(test["id"].partition("::test_")[2], []).append((test["outcome"], met))
    luck = [met for _, met in found.pop("luck")]
    assert luck[0]
    assert 3 * [luck[0]] == luck
    assert {
        **{
            name: [*2 * [("rerun", ["d"])], ("passed", ["d"])]
            for name in ("marker", "fixture", "late_fixture")
        },
        "fixture_at_first": [("rerun", [])],
        "verdict": [*2 * [("rerun", [])], ("passed", ["d"])],
        "red": [*2 * [("rerun", [])], ("failed", [])],
    } == found
