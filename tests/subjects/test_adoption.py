"""Patches that bring emulated Windows into the suites of other projects: they apply, and what they add is green."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path

import pytest
from adopted import DIRECTORY, PROJECTS, WORKFLOW, Adopted, Patch, known

ROOT = Path(__file__).parents[2]
_ROW = re.compile(
    r"^\| \[(?P<name>\w+)\]\(\w+\.patch\) (?P<version>\S+) \| (?P<job>\d+) \| (?P<known>\d+) of (?P<tests>\d+) \| (?P<retry>\d+) \|",
    re.MULTILINE,
)
ROWS = {row["name"]: row for row in _ROW.finditer((DIRECTORY / "README.md").read_text("utf-8"))}


def test_each_project_has_a_patch_and_a_row():
    """There is no patch without its project, and none that the table leaves out."""
    assert set(PROJECTS) == {path.stem for path in DIRECTORY.glob("*.patch")} == set(ROWS)


@pytest.mark.parametrize("name", PROJECTS)
def test_a_patch_adds_a_job_its_baseline_and_a_test(name):
    """It changes no file of the project; how many lines it has, and how many failures it lists, are those of the table."""
    patch, row = Patch(name), ROWS[name]
    assert {WORKFLOW, patch.baseline.name, patch.retry.name} == {file.name for file in patch.files}
    assert PROJECTS[name]["release"] == f"{name}=={row['version']}"
    assert int(row["job"]) == patch[WORKFLOW].lines
    assert int(row["known"]) == len(known(patch))
    assert int(row["retry"]) == patch.retry.lines


@pytest.mark.parametrize("name", PROJECTS)
def test_the_job_installs_what_is_pinned(name):
    """It installs the project, this plugin and what the table of releases pins; it asks for the baseline of the patch."""
    patch = Patch(name)
    install, tests = patch.commands()
    assert ["python", "-m", "pip", "install", "."] == install[:5]
    pinned = {requirement.partition("==")[0] for requirement in PROJECTS[name]["with"]}
    installed = {re.split("[<=>]", requirement.strip("'"))[0] for requirement in install[5:]}
    assert pinned | {"pytest-fsfault"} == installed | {"pytest"}
    assert ["python", "-m", "pytest"] == tests[:3]
    assert patch.baseline.name == tests[tests.index("--fsfault-baseline") + 1]


def test_every_known_failure_is_of_emulated_windows():
    """The baselines belong to the profile that the jobs name, and to one seed."""
    for name in PROJECTS:
        text = Patch(name).baseline.text
        assert '"profile": "windows"' in text
        assert re.search(r'"seed": \d+,', text)


@pytest.fixture(scope="module")
def adopted():
    """Return a function that gives a patched project, made once, below no directory that is named after pytest."""
    made = {}
    with tempfile.TemporaryDirectory(prefix="adopt-", ignore_cleanup_errors=True) as base:

        def get(name):
            if name not in made:
                directory = Path(os.path.realpath(base), name)
                directory.mkdir()
                made[name] = Adopted(directory, name)
            return made[name]

        yield get


@pytest.mark.slow
@pytest.mark.parametrize("name", PROJECTS)
def test_the_job_is_green(adopted, name):
    """It ends with 0, and those of its tests fail that the baseline lists, and no others."""
    project = adopted(name)
    if not project.has_suite:
        pytest.skip(f"the tests of {name} are in its repository alone, which cannot be had")
    _, job = project.patch.commands()
    options = PROJECTS[name].get("options", ())
    code, output = project.run(*job, *options, "-p", "no:cacheprovider", "--color=no")
    assert 0 == code, output
    failures = len(known(project.patch))
    assert (f"{failures} failed as known" in output) == bool(failures), output
    # A few are skipped for what a machine has, or has not.
    counts = dict.fromkeys(("passed", "xfailed"), 0)
    counts |= {outcome: int(count) for count, outcome in re.findall(r"(\d+) (\w+)", output.splitlines()[-1])}
    tests = int(ROWS[name]["tests"])
    assert abs(tests - counts["passed"] - counts["xfailed"]) <= tests / 20, output


@pytest.mark.slow
@pytest.mark.parametrize("name", PROJECTS)
def test_the_retry_test_is_about_the_retry(adopted, name):
    """It passes, and fails once the project tries no more."""
    project, table = adopted(name), PROJECTS[name]
    command = ("python", "-m", "pytest", *table.get("alone", ()), "-p", "no:cacheprovider", "--color=no")
    code, output = project.run(*command, project.patch.retry.name)
    assert 0 == code, output
    project.replace(table["file"], table["retry"], table["without"])
    try:
        code, output = project.run(*command, project.patch.retry.name)
    finally:
        project.replace(table["file"], table["without"], table["retry"])
    assert 1 == code, output
    assert " failed" in output.splitlines()[-1], output
