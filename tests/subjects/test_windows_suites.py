"""Tests of other projects as on Windows: each that fails there stands in a table, with its reason."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "benchmarks" / "windows_suites.py"
TABLE = tomllib.loads((ROOT / "tests" / "data" / "windows-suites.toml").read_text("utf-8"))
CLASSES = {"Windows refuses it", "assumes POSIX", "limit of the model"}


@pytest.mark.parametrize("suite", TABLE)
def test_each_failure_has_its_reason(suite):
    """A row names its tests once, the call, the error, one of three classes, and where it is said."""
    rows = TABLE[suite]
    assert all({"tests", "call", "error", "class", "source"} == set(row) for row in rows)
    assert CLASSES >= {row["class"] for row in rows}
    assert all(row[key] for row in rows for key in row)
    tests = [test for row in rows for test in row["tests"]]
    assert sorted(set(tests)) == sorted(tests)


@pytest.mark.slow
@pytest.mark.parametrize("suite", ["path", "portalocker", "watchdog"])
def test_the_table_is_what_happens(suite):
    """The released suite fails in these tests, and in no others; pip's, from its repository, by the script alone."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    environment.pop("PYTHONSAFEPATH", None)  # it imports what lies beside it
    done = subprocess.run(
        [sys.executable, SCRIPT, "--only", suite],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    assert 0 == done.returncode, done.stdout + done.stderr
