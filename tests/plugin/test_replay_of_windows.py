"""What pip did under Windows happens again here: its upgrade fails at the file that somebody had open.

`windows.json.gz` was recorded under CPython 3.11 for Windows, which Wine ran, by
`pytest --fsfault-profile observe --fsfault-json windows.json` over `upgrade_with_pip.py`, as `test_upgrade.py`.
"""

from __future__ import annotations

import ensurepip
import gzip
import json
import os
import shutil
from pathlib import Path

import pytest

DATA = Path(__file__).parent.parent / "data" / "replay"
VERSION = "23.2.1"
ID = "test_upgrade.py::test_upgrade_while_a_file_is_open"
HELD = "test_upgrade_while_a_file_is_o0/site/demo/native.pyd"


@pytest.fixture
def replay(pytester, monkeypatch):
    """Return a function that replays a file in a process of its own: pip changes logging, warnings and the locale."""
    wheel = Path(ensurepip.__file__).parent / "_bundled" / f"pip-{VERSION}-py3-none-any.whl"
    if not wheel.exists():
        pytest.skip(f"pip {VERSION}, which was recorded, does not come with this Python")
    monkeypatch.setenv("PIP_WHEEL", str(wheel))
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    shutil.copy(DATA / "upgrade_with_pip.py", pytester.path / "test_upgrade.py")
    shutil.copy(DATA / "windows.json.gz", pytester.path)

    def replay(name, written):
        arguments = ("-p", "fsfault", "-W", "ignore", "--fsfault-replay", name, "--fsfault-json", written)
        pytester.runpytest_subprocess(*arguments).assert_outcomes(failed=1)  # as on Windows
        (test,) = json.loads(pytester.path.joinpath(written).read_bytes())["tests"]
        return test

    return replay


def key(call):
    """Return what a call is, without its directory."""
    return call["operation"], call["path"].rpartition("/")[2]


@pytest.mark.skipif(os.name == "nt", reason="left to Windows: the errors are the system's own")
def test_what_pip_met_on_windows_it_meets_here(replay):
    """The one error that Windows gave acts at its call; nearly all other calls come as recorded; so does its replay."""
    recorded = json.loads(gzip.decompress((DATA / "windows.json.gz").read_bytes()))
    assert "win32" == recorded["run"]["platform"]
    (before,) = recorded["tests"]
    assert 1500 < len(before["calls"])
    refused = [
        call for call in before["calls"]
        if call["outcome"] == "failed" and call["error"]["winerror"] == 32 and call["operation"] != "shutil.rmtree"
    ]  # fmt: skip
    assert [("os.remove", HELD)] == [(call["operation"], call["path"]) for call in refused]

    test = replay("windows.json.gz", "here.json")
    assert ID == test["id"] == before["id"]
    assert [] == test["replay"]["never_came"]
    assert len(before["calls"]) * 0.98 < test["replay"]["as_recorded"]
    acted = [call for call in test["calls"] if call["outcome"] == "raised"]
    assert [("os.remove", HELD, "failed so in a recorded run on win32")] == [
        (call["operation"], call["path"], call["reason"]) for call in acted
    ]
    assert ("PermissionError", 32) == (acted[0]["error"]["class"], acted[0]["error"]["winerror"])

    again = replay("here.json", "again.json")
    assert [] == again["replay"]["never_came"]
    ends = [
        [(*key(call), call["outcome"]) for call in one["calls"] if "pip-" not in call["path"]]
        for one in (test, again)
    ]
    assert ends[0] == ends[1]
