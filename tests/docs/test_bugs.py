"""The twelve kinds of bug: each planted one fails its test for the reason, and at the line, that it was planted for."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

import pytest_fsfault

ROOT = Path(__file__).parents[2]
BUGS = ROOT / "examples/twelve_bugs"
_SECTION = re.compile(r"^_+ \w+\[buggy\] _+$", re.MULTILINE)
_KIND = re.compile(r"^examples[/\\]twelve_bugs[/\\]test_(\w+)\.py:\d+: in ", re.MULTILINE)
# Of failing trials after the tenth, all is on one line.
_TRIAL = re.compile(
    r"^E   trial \d+: .*?, at \S+/test_(\w+)\.py:(\d+)(?:, called from \S+?)?(?: \(.*?\))?(?:: (\w+): .*)?$",
    re.MULTILINE,
)
_CHECK = re.compile(r"^E     (?!files kept in: |run only this trial: )(\S[^:]*): ", re.MULTILINE)


class Bug(NamedTuple):
    """How a bug shows: a part of the output, the only check that complains, the lines at which the faults act."""

    shown: str
    check: str = ""
    lines: tuple[str, ...] = ()


EXPECTED = {
    "missing_error_code": Bug(
        "check: ERROR_SHARING_VIOLATION is not tried again",
        "check",
        ('return os.rename(root / ".tmp", root / "cache/ruff")',),
    ),
    "permanent_retried": Bug(
        "check_waits: it waited 1 s in 4 waits, more than 0 s",
        "check_waits",
        ("return os.replace(part, wheel)",),
    ),
    "retry_never_fires": Bug("ruff.new was not retried: PermissionError: [WinError 32] The process cannot"),
    "forgotten_call_site": Bug(
        "check: this call has no second try",
        "check",
        ('    os.rename(root / ".tmp", root / "cache/polars")',),
    ),
    "rollback_outside_try": Bug(
        "the tree is neither the old nor the new one; compared with the old one:\nE         - site/core.py\n",
        "check_atomic",
        ("os.rename(site / name, stash / name)",),
    ),
    "rollback_destroys": Bug(
        "these files of the old tree are neither in place nor in a back-up:\n"
        "E         - site/ruff/core.py (3 bytes)\n"
        "E         - site/ruff/ruff.exe (6 bytes)\n",
        "check_nothing_lost",
        ("os.rename(package, backup)",),
    ),
    "not_resumable": Bug(
        "check_rerun: a second run fails: FileExistsError: ",
        "check_rerun",
        ("shutil.copytree(", "os.rename(package, old)", "os.rename(new, package)", "shutil.rmtree(old)"),
    ),
    "leftovers": Bug(
        "check_no_leftovers: temporary files are left:\nE         + cache/numpy.whl.part\n",
        "check_no_leftovers",
        ("shutil.copyfile(", "os.replace("),
    ),
    "swallowed_error": Bug(
        "the error was swallowed: success is reported, but the tree is not the new one:\nE         + ruff.exe\n",
        "check_error",
        ("os.remove(root / name)",),
    ),
    "masked_error": Bug(
        "check_error: the error was masked: FileNotFoundError: ", "check_error", ("shutil.copytree(",)
    ),
    "wrong_budget": Bug("AssertionError: survives 317.8"),
    "mixed_versions": Bug(
        "compared with the old one:\nE         ~ site/ruff/core.py 3 -> 5 bytes\n",
        "check_atomic",
        ("shutil.copyfile(",),
    ),
}


@pytest.fixture(scope="module")
def sections() -> dict[str, str]:
    """What pytest says about each planted bug, by its kind."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "COV"))
    }
    environment |= {"PYTHONPATH": str(Path(pytest_fsfault.__file__).parents[1]), "NO_COLOR": "1"}
    environment |= {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "fsfault",
        "-p",
        "no:cacheprovider",
        "--runxfail",
        "--tb=short",
    ]
    done = subprocess.run(
        [*command, "-k", "buggy", str(BUGS)],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    texts = _SECTION.split(done.stdout)[1:]
    assert 12 == len(texts), done.stdout + done.stderr
    return {kind[1]: text for text in texts if (kind := _KIND.search(text))}


def test_there_is_one_of_each_kind(sections):
    """Twelve files, twelve failures, and a row for each in the table that the directory begins with."""
    assert set(EXPECTED) == set(sections)
    assert set(EXPECTED) == {path.stem.removeprefix("test_") for path in BUGS.glob("test_*.py")}
    table = (BUGS / "__init__.py").read_text("utf-8")
    rows = [
        name for row in re.findall(r"^\| ([a-z_, ]+) \|", table, re.MULTILINE) for name in row.split(", ")
    ]
    assert sorted(EXPECTED) == sorted(rows)


@pytest.mark.parametrize("kind", EXPECTED)
def test_a_bug_shows_itself(kind, sections):
    """The output names it; no other check complains; and the faults that find it act at the lines meant."""
    expected, section = EXPECTED[kind], sections[kind]
    assert expected.shown in section
    trials = _TRIAL.findall(section)
    assert {kind} >= {name for name, _, _ in trials}
    assert set(filter(None, [expected.check])) == {
        *_CHECK.findall(section),
        *(check for *_, check in trials if check),
    }
    assert {_line(kind, text) for text in expected.lines} == {int(line) for _, line, _ in trials}


def _line(kind: str, text: str) -> int:
    """Return the number of the first line with a text: the buggy version stands first."""
    lines = (BUGS / f"test_{kind}.py").read_text("utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)
