"""Defects in released programs: each row of findings.toml has a test that shows it and a paragraph in docs/findings.md."""

from __future__ import annotations

import runpy
import tomllib
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
FINDINGS = tomllib.loads((HERE / "findings.toml").read_text("utf-8"))
OWN = [name for name, finding in FINDINGS.items() if "requirements" in finding]
# With all that it depends on: some releases come without their dependencies.
NEEDED = ("pytest>=9", "iniconfig", "packaging", "pluggy", "pygments")


def _own(name):
    """Return the file with a test that fails on the release."""
    return FINDINGS[name].get("file", f"tests/subjects/findings/finding_{name}.py")


def _files(name):
    """Return the files of a finding's tests."""
    found = {test.partition("::")[0] for test in FINDINGS[name].get("tests", ())}
    return found | ({_own(name)} if name in OWN else set())


@pytest.mark.parametrize("name", FINDINGS)
def test_a_finding_is_on_the_page(name):
    """A heading with the release and the name of the finding, below it a link to its tests, which are there."""
    page = (ROOT / "docs/findings.md").read_text("utf-8")
    [text] = [part for part in page.split("\n### ") if f"`{name}`" in part.partition("\n")[0]]
    assert FINDINGS[name]["release"] in text.partition("\n")[0]
    for file in _files(name):
        assert (ROOT / file).exists()
        assert f"](../{file})" in text
    for test in FINDINGS[name].get("tests", ()):
        function = test.partition("::")[2].partition("[")[0]
        assert f"def {function}(" in (ROOT / test.partition("::")[0]).read_text("utf-8")


def test_the_page_and_the_directory_have_no_more():
    """There is no heading and no file without a row."""
    page = (ROOT / "docs/findings.md").read_text("utf-8")
    assert len(FINDINGS) == page.count("\n### ")
    rows = {name for name in OWN if "file" not in FINDINGS[name]}
    assert rows == {path.stem.removeprefix("finding_") for path in (HERE / "findings").glob("*.py")}


@pytest.mark.parametrize(
    ("outcomes", "verdict"),
    [
        (["passed", "passed"], "reproduced"),
        (["passed", "failed"], "NOT reproduced"),
        (["skipped", "failed"], "NOT reproduced"),
        (["passed", "skipped"], "skipped"),
        (["passed"], "NOT reproduced"),
        ([], "NOT reproduced"),
    ],
)
def test_a_verdict_is_that_of_all_tests_of_a_finding(outcomes, verdict):
    """Each has to pass; one that is skipped is no failure, one that is not there is; other tests do not count."""
    script = runpy.run_path(str(ROOT / "benchmarks/findings.py"))
    verdicts = script["Verdicts"]()
    nodes = script["tests_of"]("uv_half_installed")
    verdicts.outcomes = dict(zip(nodes, outcomes, strict=False)) | {f"{nodes[0]}_of_another": "failed"}
    assert verdict == verdicts.of("uv_half_installed")


@pytest.mark.slow
@pytest.mark.parametrize("name", OWN)
def test_the_release_fails(release, name):
    """It fails its test, for the reason that the page gives."""
    finding = FINDINGS[name]
    code, output = release(*NEEDED, *finding["requirements"]).test(ROOT / _own(name))
    assert 1 == code, output
    assert finding["error"] in output


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in OWN if "fixed" in FINDINGS[name]])
def test_a_newer_release_passes(release, name):
    """The same test passes, unchanged, on the release that has the defect no more."""
    code, output = release(*NEEDED, *FINDINGS[name]["fixed"]).test(ROOT / _own(name))
    assert 0 == code, output
