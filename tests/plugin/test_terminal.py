"""What the terminal shows: as much as pytest was asked for, in its colours, and no order from a file's name."""

from __future__ import annotations

import re

import pytest
from skips import WINDOWS

SOURCE = """
import os, pytest
@pytest.mark.fsfault("os.mkdir -> ERROR_ACCESS_DENIED", "os.rmdir -> EIO", strict=False)
def test_red(tmp_path):
    os.mkdir(tmp_path / "a")
@pytest.mark.fsfault("os.mkdir -> EIO")
def test_green(tmp_path):
    with pytest.raises(OSError):
        os.mkdir(tmp_path / "a")
def test_plain(): pass
"""
LINE = "fsfault: 2 tests under fault, 2 faults, 1 failed, 1 rule never fired; --fsfault-seed 7"
RERUN = "to reproduce: pytest test_it.py::test_red --fsfault-seed 7"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["-q"], [RERUN, LINE]),
        (["-qq"], [RERUN]),
        (["-q", "--tb=no"], [LINE, RERUN]),
        (["-q", "--tb=line"], [RERUN, LINE]),
        (["-q", "--show-capture=no"], [LINE, RERUN]),
        (["-q", "--show-capture=stderr"], [LINE, RERUN]),
        (["-qq", "--tb=no"], [RERUN]),
        (["--no-summary"], []),
        (["-q", "--no-summary"], []),
    ],
)
def test_as_much_as_pytest_was_asked_for(run, arguments, expected):
    """With `-q` the summary is one line; the line that reproduces a failure is there where sections are not shown."""
    lines = run(SOURCE, "--fsfault-seed", "7", *arguments).outlines
    assert expected == [line for line in lines if line in (LINE, RERUN)]
    assert not [line for line in lines if "= fsfault =" in line]


def test_many_hidden_sections(run):
    """Of many failures a dozen are named."""
    source = SOURCE.replace(
        "def test_red(tmp_path", "@pytest.mark.parametrize('n', range(14))\ndef test_red(n, tmp_path"
    )
    lines = run(source.replace("@pytest.mark.fsfault", "@pytest.mark.fsfault", 1), "-q", "--tb=no").outlines
    assert 12 == sum(line.startswith("to reproduce: ") for line in lines)
    assert "... 2 more; --tb=short shows how to reproduce each" in lines


def test_colours(run):
    """What failed is red, what one copies is bold; without colours the same text is there."""
    plain = run(SOURCE, "--fsfault-seed", "7", "--color=no").outlines
    coloured = run(SOURCE, "--fsfault-seed", "7", "--color=yes").outlines
    red, bold, end = "\x1b[31m", "\x1b[1m", "\x1b[0m"
    entry = next(line for line in coloured if "os.mkdir test_red0/a" in line)
    assert f"{red}{bold}raised{end}, at {bold}test_it.py:4{end}" in entry
    assert f"{red}        PermissionError: [WinError 5] Access is denied{end}" in coloured
    assert f"to reproduce: {bold}pytest test_it.py::test_red --fsfault-seed 7{end}" in coloured
    assert f"       {bold}1{end}  os.mkdir  {red}EIO{end}" in coloured
    assert f"\x1b[33mnever fired:{end}" in coloured
    shown = [re.sub(r"\x1b\[\d+m", "", line) for line in coloured]
    for kind in ("#0", "        PermissionError", "to reproduce", "       1  os.mkdir", "never fired:"):
        texts = [
            [re.sub(r"\d\.\d+ s", "", one) for one in lines if one.startswith(kind)]
            for lines in (plain, shown)
        ]
        assert texts[0] == texts[1] != []


def test_colours_stay_on_the_terminal(run, pytester):
    """A report that goes elsewhere has none, though the terminal has."""
    pytester.makeconftest(
        """
def pytest_unconfigure(config):
    for report in config.pluginmanager.getplugin("terminalreporter").stats["failed"]:
        assert "\\x1b" not in str(report.sections) and "to reproduce" in str(report.sections)
        print("without colours")
"""
    )
    run(SOURCE, "--color=yes").stdout.fnmatch_lines(["without colours"])


def test_an_error_means_something_once(run):
    """Entries have relative paths; the text of an error that happens again is its number."""
    source = """
import os, pytest
@pytest.mark.fsfault("os.mkdir -> EIO", "os.rename -> WinError 32")
def test_red(tmp_path):
    for name in "abab":
        try: os.mkdir(tmp_path / name)
        except OSError: pass
    os.rename(tmp_path, tmp_path / "x")
"""
    lines = run(source, "--fsfault-seed", "7").outlines
    start = next(n for n, line in enumerate(lines) if "file-system faults" in line)
    found = [re.sub(r"^(#\d) .* s", r"\1", line) for line in lines[start + 1 : start + 17]]
    assert [
        "#0  os.mkdir test_red0/a  raised, at test_it.py:5",
        "        OSError: [Errno 5] Input/output error",
        "        os.mkdir -> EIO: call 1",
        "#1  os.mkdir test_red0/b  raised, at test_it.py:5",
        "        OSError: [Errno 5]",
        "        os.mkdir -> EIO: call 2",
        "#2  os.mkdir test_red0/a  raised, at test_it.py:5",
        "        OSError: [Errno 5]",
        "        os.mkdir -> EIO: call 3",
        "#3  os.mkdir test_red0/b  raised, at test_it.py:5",
        "        OSError: [Errno 5]",
        "        os.mkdir -> EIO: call 4",
        "#4  os.rename test_red0 -> test_red0/x  raised, at test_it.py:7",
        "        PermissionError: [WinError 32] The process cannot access the file because it is being used by another process",
        "        os.rename -> WinError 32: call 1",
        "to reproduce: pytest test_it.py::test_red --fsfault-seed 7",
    ] == found


HOSTILE = """
import os, pytest
NAME = "a\\x1b[2J\\r\\nb\\u202e"
@pytest.mark.fsfault("os.mkdir -> EIO", "os.remove a\\x1b?25l -> EIO or never", windows="11")
@pytest.mark.parametrize("name", [NAME])
def test_red(tmp_path, name, fsfault):
    try: os.mkdir(tmp_path / name)
    except OSError as error: pass
    assert 0, "red"
"""


def test_no_raw_control_characters(run):
    """Nothing that a file, a rule or a test is called gives the terminal an order."""
    text = run(
        HOSTILE, "--fsfault-show", "all", "--fsfault-rule", "os.rmdir a\x1b2Jb -> EIO", "-vv"
    ).stdout.str()
    assert [] == re.findall("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", text)
    shown = r'"os.rmdir a\x1b2Jb -> EIO"' if WINDOWS else r"$'os.rmdir a\0332Jb -> EIO'"
    assert f"--fsfault-rule {shown}" in text
    assert r"os.mkdir test_red_a_x1b_2J_r_nb_u202e_0/a\x1b[2J\r\nb\u202e  raised" in text


LENIENT = """
import os
def swap(path):
    (path / "a").touch()
    os.replace(path / "a", path / "b")
    os.remove(path / "b")
def test_one(tmp_path): swap(tmp_path)
def test_two(tmp_path): swap(tmp_path)
"""
NOTHING = [
    "no call was refused: the profile windows has no scanner that holds files",
    "a scanner that is still reading a file refuses calls such as these: os.remove (2), os.replace (2)",
    "try --fsfault-profile defender",
]


def test_nothing_was_refused(run):
    """`--fsfault` that met nothing to refuse says what a scanner would have, and the profile that has one."""
    lines = run(LENIENT, "--fsfault").outlines
    at = next(n for n, line in enumerate(lines) if line.startswith("no call was refused"))
    assert NOTHING == lines[at : at + 3]
    for other in (["--fsfault-profile", "defender"], ["--fsfault-profile", "flaky"], []):
        assert not [line for line in run(LENIENT, *other).outlines if line in NOTHING]
    assert not [
        line for line in run("def test_it(tmp_path): pass", "--fsfault").outlines if line == NOTHING[1]
    ]
    scanner = ("--fsfault", "-o", "fsfault_scanners=defender")
    assert not [line for line in run(LENIENT, *scanner).outlines if line in NOTHING]


SWEEP = """
import os
def swap(root):
    for attempt in range(2):
        try: return os.rename(root / "a", root / "b")
        except PermissionError: pass
def prepare(root): (root / "a").touch()
def test_check(fsfault):
    for trial in fsfault.sweep(prepare, faults=["WinError 5"]):
        with trial as root: swap(root)
        trial.check((trial.root / "b").exists(), "it is not there")
def test_assert(fsfault):
    for trial in fsfault.sweep(prepare, faults=["WinError 5"]):
        with trial as root: swap(root)
        assert (trial.root / "b").exists()
def test_green(fsfault):
    for trial in fsfault.sweep(prepare, faults=["WinError 5"], persist=False):
        with trial as root: swap(root)
        trial.check_atomic()
"""


def test_a_failing_sweep_shows_the_journal_of_its_first_failing_trial(run):
    """Below the verdict stands what happened in that trial; so it does if an assert of the loop fails."""
    result = run(SWEEP, "--fsfault-seed", "7")
    result.assert_outcomes(failed=2, passed=1)
    sections = re.split(r"-+ file-system faults -+\n", re.sub(r"\d+\.\d+ s", "T s", result.stdout.str()))[1:]
    shown = [re.sub(r" +T s", " T s", text.partition("to reproduce")[0]) for text in sections]
    assert [
        """trial 2: os.rename a -> b: WinError 5 every time, at test_it.py:4
#0 T s  os.rename a -> b  raised, at test_it.py:4
        PermissionError: [WinError 5] Access is denied
        WinError 5: the fault of this trial
#1 T s  os.rename a -> b  raised, at test_it.py:4
        PermissionError: [WinError 5]
        WinError 5: the fault of this trial persists
"""
    ] * 2 == shown
