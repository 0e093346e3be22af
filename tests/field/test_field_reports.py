"""Public reports of Windows errors, as tests: the release with the defect fails here as it did there, the fixed one passes."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

import pytest

HERE = Path(__file__).parent
REPORTS = tomllib.loads((HERE / "reports.toml").read_text("utf-8"))
# With all that it depends on: some releases come without their dependencies.
NEEDED = ("pytest>=9", "iniconfig", "packaging", "pluggy", "pygments")


def run(release, requirements, name):
    """Run the test of a report in an environment with these releases; return its exit code and its output."""
    before = REPORTS[name].get("before")
    if before and sys.version_info >= tuple(map(int, before.split("."))):
        pytest.skip(f"its releases need a Python before {before}, or this one has it fixed")
    place = release(*NEEDED, *requirements)
    return place.test(HERE / "reports" / f"report_{name}.py")


def parameters(key, *, slow):
    """Return the reports that have this key, those that need a release of somebody marked slow."""
    rows = [name for name, report in REPORTS.items() if key in report]
    return [pytest.param(name, marks=pytest.mark.slow if REPORTS[name][key] or slow else ()) for name in rows]


def test_each_report_has_its_test():
    """The table and the directory name the same reports."""
    assert sorted(REPORTS) == sorted(
        path.stem.removeprefix("report_") for path in (HERE / "reports").glob("*.py")
    )


@pytest.mark.parametrize("name", [name for name, report in REPORTS.items() if "fixed" in report])
def test_a_fixed_release_has_to_do_something(name):
    """It does not pass by raising nothing: the test asserts what should have happened."""
    assert "    assert " in (HERE / "reports" / f"report_{name}.py").read_text("utf-8")


@pytest.mark.parametrize("name", parameters("broken", slow=True))
def test_the_release_fails_as_reported(release, name):
    """The error of the report, by the call that it names."""
    report = REPORTS[name]
    code, output = run(release, report["broken"], name)
    assert 1 == code, output
    assert report["error"] in output
    assert report["operation"] in output


@pytest.mark.parametrize("name", parameters("fixed", slow=True))
def test_the_fixed_release_passes(release, name):
    """The same test, unchanged."""
    code, output = run(release, REPORTS[name]["fixed"], name)
    assert 0 == code, output
