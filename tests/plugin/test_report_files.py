"""What a run writes for pages of CI services: Markdown, and properties in JUnit files."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest

from pytest_fsfault._report.markdown import code, markdown

SOURCE = """
import os, pytest
@pytest.mark.fsfault("os.replace *.exe -> WinError 32 when first 2")
def test_red(tmp_path):
    for _ in range(2):
        try: os.replace(tmp_path / "a.exe", tmp_path / "b.exe")
        except PermissionError: pass
    os.replace(tmp_path / "a.exe", tmp_path / "b.exe")
@pytest.mark.fsfault("os.mkdir a|b -> EIO", strict=False)
def test_green(tmp_path): pass
def test_sweep(fsfault):
    for trial in fsfault.sweep(lambda root: (root / "a").touch(), faults=["EIO"]):
        with trial as root:
            os.rename(root / "a", root / "b")
            os.rename(root / "b", root / "c")
        trial.check_atomic()
def test_plain(): pass
"""


def test_markdown(run, pytester):
    """The page has the sums, each failed test folded up with its journal and its line, and what never fired."""
    path = pytester.path / "page.md"
    path.write_text("of an earlier run")
    run(SOURCE, "--fsfault-markdown", "page.md", "--fsfault-seed", "7")
    text = re.sub(r"\d+\.\d{4} s", "T s", path.read_text("utf-8"))
    text = re.sub(r"the tests took .*", "the tests took T s", text).replace(str(pytester.path.parent), "…")
    text = re.sub(r"'[^']*/(test_red0|root)/", r"'…/", text)
    assert text.startswith(
        """## pytest-fsfault: 3 tests under fault, 6 faults, 2 of 3 tests failed

Profile `off`. To reproduce: `pytest --fsfault-seed 7`

| Operation | Fault | Times |
| --- | --- | --- |
| `os.rename` | `EIO` | 4 |
| `os.replace` | `WinError 32` | 2 |

"""
    ), text
    assert (
        "### Failed\n\n<details><summary><code>test_it.py::test_red</code></summary>\n\n```text\nFileNotFoundError: "
        in text
    )
    assert (
        """```text
#0       T s  os.replace test_red0/a.exe -> test_red0/b.exe  raised, at test_it.py:5
        PermissionError: [WinError 32] The process cannot access the file because it is being used by another process
        os.replace *.exe -> WinError 32 when first 2: call 1 of 2
"""
        in text
    )
    assert "To reproduce: `pytest test_it.py::test_red --fsfault-seed 7`\n\n</details>\n\n" in text
    assert (
        "| `3` | `EIO` | `os.rename` | `b -> c` | `check_atomic: the tree is neither the old nor the new one; "
        in text
    )
    assert "| `pytest test_it.py::test_sweep --fsfault-trial 3 --fsfault-seed 7` |\n" in text
    assert text.endswith(
        """### Never fired

| Rule | Tests | Why |
| --- | --- | --- |
| <code>os.mkdir a&#124;b -&#62; EIO</code> | `test_it.py::test_green` | <code>&#96;os.mkdir a&#124;b&#96; never fired&#58; no call of os.mkdir below the roots</code> |

"""
    ), text


def test_step_summary(run, pytester, monkeypatch):
    """The same is appended to the page of a GitHub job, unless there was no test under fault."""
    path = pytester.path / "summary.md"
    path.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(path))
    run(SOURCE, "--fsfault-markdown", "page.md")
    page = pytester.path.joinpath("page.md").read_text("utf-8")
    assert f"before\n{page}" == path.read_text("utf-8")
    run("def test_it(): pass")
    assert f"before\n{page}" == path.read_text("utf-8")


def test_step_summary_of_workers(run, pytester, monkeypatch):
    """Under xdist the controller writes it, once."""
    pytest.importorskip("xdist")
    path = pytester.path / "summary.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(path))
    run(SOURCE, "-p", "xdist", "-n", "2").assert_outcomes(failed=2, passed=2)
    text = path.read_text("utf-8")
    assert (1, 1) == (
        text.count("## pytest-fsfault: 3 tests under fault"),
        text.count("<code>test_it.py::test_red</code>"),
    )
    assert "os.replace test_red0/a.exe -> test_red0/b.exe  raised, at " in text


def test_step_summary_that_refuses(run, pytester, monkeypatch):
    """A page that takes no text costs a line of the summary, not the run."""
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(pytester.path))
    result = run(SOURCE, "-k", "green")
    result.assert_outcomes(passed=1, deselected=3)
    assert 0 == result.ret
    result.stdout.fnmatch_lines(["GITHUB_STEP_SUMMARY: [[]Errno *"])


def _document(tests):
    totals = {
        "tests": len(tests), "passed": 0, "failed": len(tests), "faults": 0, "counts": [], "retried": 0, "sweeps": 0,
        "waits_skipped": 0, "unreached": [], "outside": {"tests": 0, "path": None}, "never_fired": [],
    }  # fmt: skip
    return {"run": {"profile": "off", "rules": [], "arguments": ""}, "totals": totals, "tests": tests}


def _test(name, text):
    failure = {"text": text, "check": None}
    return {"id": name, "outcome": "failed", "failure": failure, "sweeps": [], "reproduce": f"pytest {name}"}


def test_markdown_has_a_limit():
    """What has no room is counted; a single long text is cut; no fold is left open."""
    tests = [_test(f"test_{n}", "ä\n" * 200) for n in range(1000)]
    text = markdown(_document(tests), {}, 20_000)
    assert len(text.encode()) <= 20_000 < len(text.encode()) + 1000
    assert text.count("<details>") == text.count("</details>") == text.count("... 81 more lines") > 10
    left = 1000 - text.count("<details>")
    assert text.endswith(
        f"{left} parts left out: the page has no room for more; `--fsfault-json` writes everything.\n\n"
    )
    assert 1000 == markdown(_document(tests), {}, None).count("<details>")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a*b_c<b>", "`a*b_c<b>`"),
        ("a`b", "``a`b``"),
        ("`a`", "`` `a` ``"),
        ("a``b`c", "```a``b`c```"),
        ("a|b", "<code>a&#124;b</code>"),
        ("<b>|`*", "<code>&#60;b&#62;&#124;&#96;&#42;</code>"),
        ("a\nb\x1b", r"`a\nb\x1b`"),
        ("", ""),
    ],
)
def test_nothing_in_a_name_is_markup(text, shown):
    """A name of a file shows as it is, whatever Markdown would make of it."""
    assert shown == code(text)


def test_no_line_closes_a_fence():
    """A text with fences of its own stands in a longer one."""
    text = markdown(_document([_test("t", "a\n```\nb ````` c")]), {"t": ["```"]}, None)
    assert "``````text\na\n```\nb ````` c\n``````\n\n````text\n```\n````\n\n" in text


def test_junit(run, pytester):
    """Each test under fault has its seed, its line, and a property for each fault; others have none."""
    run(SOURCE, "--junitxml=junit.xml", "--fsfault-seed", "7")
    cases = ET.parse(pytester.path / "junit.xml").iter("testcase")
    found = {
        case.get("name"): [(one.get("name"), one.get("value")) for one in case.iter("property")]
        for case in cases
    }
    replaced = "os.replace test_red0/a.exe -> test_red0/b.exe: WinError 32, at test_it.py:5"
    assert [
        ("fsfault_seed", "7:test_it.py::test_red"),
        ("fsfault_reproduce", "pytest test_it.py::test_red --fsfault-seed 7"),
        ("fsfault_fault", replaced),
        ("fsfault_fault", replaced),
    ] == found["test_red"]
    assert ["fsfault_seed", "fsfault_reproduce"] == [name for name, _ in found["test_green"]]
    trials = [value for name, value in found["test_sweep"] if name == "fsfault_fault"]
    assert [
        "trial 1: os.rename a -> b: EIO, at test_it.py:13",
        "trial 3: os.rename b -> c: EIO, at test_it.py:14",
    ] == trials[::2]
    assert 4 == len(trials)
    assert [] == found["test_plain"]


def test_junit_of_a_storm(run, pytester):
    """Of thousands of faults a hundred are named, and the rest counted; a name is legible, and the file is XML."""
    source = """
import os, pytest
@pytest.mark.fsfault("os.mkdir -> EIO")
def test_it(tmp_path):
    while True:
        try: os.mkdir(tmp_path / "a\\x1b\\udcff")
        except OSError: pass
"""
    run(source, "--junitxml=junit.xml")
    values = [one.get("value") for one in ET.parse(pytester.path / "junit.xml").iter("property")]
    assert 103 == len(values)
    assert r"os.mkdir test_it0/a\x1b\udcff: EIO, at test_it.py:5" == values[2]
    assert "... 9900 more" == values[-1]


def test_junit_of_workers(run, pytester):
    """So do tests of xdist's workers."""
    pytest.importorskip("xdist")
    run(SOURCE, "--junitxml=junit.xml", "-p", "xdist", "-n", "2", "--fsfault-seed", "7")
    names = [one.get("name") for one in ET.parse(pytester.path / "junit.xml").iter("property")]
    assert (3, 3, 6) == tuple(names.count(f"fsfault_{name}") for name in ("seed", "reproduce", "fault"))
