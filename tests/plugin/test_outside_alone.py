"""A test whose files are all outside the roots meets no fault, and the run says so: a green one has shown nothing."""

from __future__ import annotations

import json

SOURCE = """
import os, pytest, subprocess, sys, tempfile
def change(directory):
    os.mkdir(os.path.join(directory, "d"))
    os.rename(os.path.join(directory, "d"), os.path.join(directory, "e"))
def test_elsewhere():
    with tempfile.TemporaryDirectory() as directory:
        change(directory)
def test_below(tmp_path):
    change(tmp_path)
def test_both(tmp_path):
    (tmp_path / "file").touch()
    with tempfile.TemporaryDirectory() as directory:
        change(directory)
def test_reads():
    open(__file__).close()
    os.listdir(os.path.dirname(__file__))
def test_in_a_child(tmp_path):
    subprocess.run([sys.executable, "-c", "import os; os.mkdir('made')"], cwd=tmp_path, check=True)
    with tempfile.TemporaryDirectory() as directory:
        change(directory)
@pytest.mark.fsfault(profile="off")
def test_exempt():
    with tempfile.TemporaryDirectory() as directory:
        change(directory)
"""


def test_tests_outside_the_roots_are_counted(run, pytester):
    """Only those count that changed something, and nothing below the roots; child processes may have."""
    result = run(SOURCE, "--fsfault", "--fsfault-seed", "7", "--fsfault-json", "run.json")
    result.assert_outcomes(passed=6)
    data = json.loads((pytester.path / "run.json").read_text())
    (path,) = {test["outside"] for test in data["tests"]} - {None}
    assert ["test_it.py::test_elsewhere"] == [test["id"] for test in data["tests"] if test["outside"]]
    assert {"tests": 1, "path": path} == data["totals"]["outside"]
    told = f"met no fault: 1 test changed files outside the roots alone, such as {path}; fsfault_roots or roots= names what is watched"
    assert told in result.outlines


def test_one_line_says_so_too(run):
    """With `-q` the number and the path stand in the one line, also where rules are what acts."""
    arguments = ("-q", "-k", "elsewhere", "--fsfault-rule", "os.rename -> EACCES")
    result = run(SOURCE, *arguments)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        ["fsfault: 1 test under fault, 0 faults, *, 1 outside the roots alone (*); *"]
    )


def test_it_is_said_on_the_pages(run, pytester):
    """The page of a CI job and the page for a browser have it, too."""
    run(SOURCE, "-k", "elsewhere", "--fsfault", "--fsfault-markdown", "run.md")
    page = (pytester.path / "run.md").read_text()
    assert "- changed files outside the roots alone: 1 test, such as `" in page
