"""The examples: the buggy installer fails, the fixed one passes, and ordinary tests stand the profiles."""

from __future__ import annotations

import configparser
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import pytest_fsfault

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
_DONE = re.compile(r"^(PASSED|FAILED|XFAIL|ERROR) (\S+)", re.MULTILINE)


def _pytest(*arguments: str) -> tuple[int, str]:
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "COV"))
    }
    environment |= {"PYTHONPATH": str(Path(pytest_fsfault.__file__).parents[1]), "COLUMNS": "250"}
    environment |= {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "fsfault",
        "-p",
        "no:cacheprovider",
        "-rA",
        "--tb=line",
        *arguments,
    ]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_the_buggy_twin_shows_its_bug():
    """With the marks taken away, the tests of the buggy twins fail, by the bug that the example is about."""
    code, output = _pytest("examples", "--runxfail", "-k", "buggy")
    results = {name: outcome for outcome, name in _DONE.findall(output)}
    assert dict.fromkeys(results, "FAILED") == results, output
    twins = {
        "cache_rename", "half_done_uninstall", "hard_links", "leftovers", "linux_errors", "managed_python", "read_only",
        "remove_tree", "self_replace", "twelve_bugs", "two_jobs",
    }  # fmt: skip
    assert twins == {name.split("/")[1] for name in results}
    assert 1 == code
    for line in (
        "PermissionError: [WinError 5] Access is denied: ",
        "AssertionError: assert ['.tmp",
        f"OSError: [Errno {12}] Cannot allocate memory: ",
        "check: tool.exe is gone: neither the old nor the new one is in place",
        "AssertionError: the update fails while tool.exe is running, without any fault: PermissionError: ",
        "- polars.dist-info/RECORD",
    ):
        assert line in output


def test_the_programs_are_green():
    """As it stands, this example passes; the others are run as the README shows it (test_pages.py)."""
    code, output = _pytest("examples/native_programs")
    assert 0 == code, output
    assert {outcome for outcome, _ in _DONE.findall(output)} <= {"PASSED", "XFAIL"}


@pytest.mark.parametrize("profile", ["observe", "flaky", "wsl1"])
def test_ordinary_tests_stand_a_profile(profile):
    """A patient installer survives what a profile does to it by chance; with this seed all of them do something."""
    chance = ("--fsfault-profile", profile, "--fsfault-seed", "1")
    code, output = _pytest("examples", "-m", "not fsfault", *chance)
    assert 0 == code, output
    assert re.search(
        rf"^3 tests under fault, {'0' if profile == 'observe' else '[1-9]'}", output, re.MULTILINE
    ), output


def test_the_known_failures_are_those_of_the_workflow():
    """What the workflow runs with a baseline is as the baseline says, and writing it changes nothing."""
    option = re.search(
        r"profile-windows -- (--fsfault-baseline \S+)",
        (EXAMPLES / "ci/github-actions.yml").read_text("utf-8"),
    )
    arguments = ("examples", "-m", "not fsfault", "--fsfault-profile", "windows", *option[1].split())
    code, output = _pytest(*arguments)
    assert 0 == code, output
    assert "baseline examples/ci/known-windows.json: no known failure" in output


def test_examples_are_small():
    """Each file can be read at a glance."""
    assert [] == [
        path.name for path in EXAMPLES.rglob("*.py") if len(path.read_text("utf-8").splitlines()) > 70
    ]


def test_the_workflow_runs_what_tox_has():
    """Each environment that the workflow names is one of tox.ini's."""
    tox = configparser.ConfigParser(interpolation=None)
    tox.read(ROOT / "tox.ini")
    workflow = (EXAMPLES / "ci/github-actions.yml").read_text("utf-8")
    lists = {
        key: re.split(r", ", names)
        for key, names in re.findall(r"^ +(\w+): \[(.*)\]$", workflow, re.MULTILINE)
    }
    wanted = [*lists["environment"], *(f"profile-{name}" for name in lists["profile"])]
    wanted += [f"py{version.strip(chr(34)).replace('.', '')}" for version in lists["python"]]
    known = tox["tox"]["env_list"].split()
    found = [name for row in known for name in _expanded(row)]
    assert sorted(found) == sorted(wanted)


def _expanded(row: str) -> list[str]:
    """Return the names that an entry of tox's list such as ``profile-{a,b}`` stands for."""
    match = re.fullmatch(r"(.*)\{(.*)\}", row)
    return [row] if match is None else [match[1] + part for part in match[2].split(",")]
