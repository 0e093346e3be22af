"""What reports say of how tests ended: as a whole, with set-up, parts and teardown, and if they were cut off."""

from __future__ import annotations

import json
import os

import pytest
from skips import posix_fact

HEAD = """
import os, pytest, unittest
def refused(directory):
    with pytest.raises(PermissionError):
        os.mkdir(directory / "d")
pytestmark = pytest.mark.fsfault("os.mkdir -> EACCES when first 2 or never")
"""

# What is told of each: outcome, phase, text, faults.
ENDS = {
    "test_passes": ("passed", None, "", 1),
    "test_fails_in_setup": ("failed", "setup", "RuntimeError: early", 0),
    "test_fails": ("failed", "call", "ZeroDivisionError: division by zero", 1),
    "test_fails_in_teardown": ("failed", "teardown", "RuntimeError: late", 1),
    "test_fails_twice": ("failed", "call", "AssertionError: first", 0),
    "test_fails_in_part": ("failed", "call", "", 0),
    "TestIt::test_fails_in_part": ("failed", "call", "ZeroDivisionError: division by zero", 0),
    "TestIt::test_passes": ("passed", None, "", 0),
    "test_skips": ("skipped", None, "", 0),
    "test_fails_as_expected": ("skipped", None, "", 0),
}
TESTS = f"""{HEAD}
@pytest.fixture
def early(): raise RuntimeError("early")
@pytest.fixture
def late():
    yield
    raise RuntimeError("late")
def test_passes(tmp_path): refused(tmp_path)
def test_fails_in_setup(early): pass
def test_fails(tmp_path):
    refused(tmp_path)
    1 / 0
def test_fails_in_teardown(late, tmp_path): refused(tmp_path)
def test_fails_twice(late): assert 0, "first"
def test_fails_in_part(subtests):
    with subtests.test("one"): 1 / 0
class TestIt(unittest.TestCase):
    def test_fails_in_part(self):
        with self.subTest("one"): 1 / 0
        with self.subTest("two"): [].pop()
    def test_passes(self):
        with self.subTest("one"): pass
def test_skips(): pytest.skip("no")
@pytest.mark.xfail
def test_fails_as_expected(): assert 0
"""

REFUSED = "def test_it(f, tmp_path):\n    refused(tmp_path)\n    "
# How a test is cut off, and what is told of it.
CUT_OFF = {
    f"{REFUSED}raise KeyboardInterrupt": ("interrupted", None, "KeyboardInterrupt", 1),
    f"{REFUSED}pytest.exit('enough')": ("interrupted", None, "Exit: enough", 1),
    "def test_it(f, request): request.getfixturevalue('g')": ("interrupted", None, "KeyboardInterrupt", 0),
    "def test_it(g): pass": ("interrupted", None, "KeyboardInterrupt", 0),
    "def test_it(h, tmp_path): refused(tmp_path)": ("passed", None, "", 1),
}
FIXTURES = """
@pytest.fixture
def f(): pass
@pytest.fixture
def g(): raise KeyboardInterrupt
@pytest.fixture
def h():
    yield
    raise KeyboardInterrupt
"""


def ends(data):
    """Return what is told of each test, and the sums."""
    found = {}
    for entry in data["tests"]:
        failure = entry["failure"] or {"when": None, "text": ""}
        faults = sum(times for _, _, times in entry["counts"])
        assert entry["id"] not in found
        found[entry["id"].removeprefix("test_it.py::")] = (
            entry["outcome"], failure["when"], failure["text"].partition("\n")[0], faults,
        )  # fmt: skip
    return found, [
        data["totals"][kind] for kind in ("tests", "passed", "failed", "skipped", "interrupted", "faults")
    ]


def test_how_tests_ended(told):
    """Each test under fault has one entry, which says how it ended as a whole; the sums say the same."""
    data, _ = told(TESTS)
    found, sums = ends(data)
    outcome, when, text, faults = found["test_fails_in_part"]
    assert text  # of the subtest, or pytest's own: that is a matter of its version
    found["test_fails_in_part"] = outcome, when, "", faults
    assert ENDS == found
    assert [10, 2, 6, 2, 0, 3] == sums


@pytest.mark.parametrize("test", CUT_OFF)
def test_how_a_test_was_cut_off(told, test):
    """What pytest makes no report of has its entry, too, with the faults that it met by then."""
    data, result = told(f"{HEAD}{FIXTURES}{test}")
    found, sums = ends(data)
    assert 2 == result.ret
    assert {"test_it": CUT_OFF[test]} == found
    outcome, _, _, faults = CUT_OFF[test]
    assert [1, int(outcome == "passed"), 0, 0, int(outcome == "interrupted"), faults] == sums


MIXED = f"""{HEAD}
def test_green(tmp_path): refused(tmp_path)
@pytest.mark.xfail
def test_expected(tmp_path):
    refused(tmp_path)
    assert 0
def test_cut_off(tmp_path):
    refused(tmp_path)
    raise KeyboardInterrupt
"""


def test_words_of_a_run_that_was_cut_off(run, pytester):
    """Terminal, Markdown and page count what neither passed nor failed; none says that all have passed."""
    pytest.importorskip("jinja2")
    files = [f"--fsfault-{form}={form}" for form in ("html", "markdown")]
    result = run(MIXED, *files, "--fsfault-seed=7")
    result.stdout.fnmatch_lines(["3 tests under fault, 3 faults, 1 interrupted; --fsfault-seed 7"])
    head, _, _ = pytester.path.joinpath("markdown").read_text("utf-8").partition("\n")
    assert (
        "## pytest-fsfault: 3 tests under fault, 3 faults, 1 passed, 1 skipped or xfailed, 1 interrupted"
        == head
    )
    page = pytester.path.joinpath("html").read_text("utf-8")
    assert "1 of 3 tests passed under faults of their own" in page
    assert "1 passed, 0 failed, 1 skipped or xfailed, 1 interrupted" in page
    assert "Interrupted by KeyboardInterrupt" in page


def test_an_interrupted_worker(run, pytester):
    """A worker of xdist hands over the test that has ended it, once."""
    pytest.importorskip("xdist")
    source = f"{HEAD}def test_it(tmp_path):\n    refused(tmp_path)\n    pytest.exit('enough')"
    run(source, "-p", "xdist", "-n", "1", "--maxfail=1", "--fsfault-json", "told.json")
    data = json.loads(pytester.path.joinpath("told.json").read_text("utf-8"))
    assert [("interrupted", "Exit: enough")] == [
        (entry["outcome"], entry["failure"]["text"]) for entry in data["tests"]
    ]


def test_a_verdict_is_ours(told, pytester):
    """A test that fails since a rule never fired fails by a check of ours: the page blames no call that was retried."""
    pytest.importorskip("jinja2")
    source = """
import os, pytest
@pytest.mark.fsfault("os.mkdir -> EACCES when first 1", "os.rmdir -> EACCES")
def test_it(tmp_path):
    with pytest.raises(PermissionError):
        os.mkdir(tmp_path / "d")
    os.mkdir(tmp_path / "d")
"""
    data, _ = told(source, "--fsfault-html", "page")
    assert "Unmet" == data["tests"][0]["failure"]["check"]
    page = pytester.path.joinpath("page").read_text("utf-8")
    assert "and the code gave up" not in page


@posix_fact("a process that forks")
@pytest.mark.parametrize("end", ["sys.exit(5)", "assert 0"])
def test_a_fork_that_comes_back_to_pytest(apart, pytester, end):
    """It writes no file, prints no summary, and says nothing of rules that its parent counts."""
    told = os.fspath(pytester.path / "told.json")
    pytester.makepyfile(
        test_it=f"""
import os, pytest, sys
@pytest.mark.fsfault("os.mkdir -> EACCES")
def test_it(tmp_path):
    child = os.fork()
    if not child:
        {end}
    os.waitpid(child, 0)
    assert not os.path.exists({told!r})
    with pytest.raises(PermissionError):
        os.mkdir(tmp_path / "d")
"""
    )
    result = apart("--fsfault-json", told, "--fsfault-markdown", f"{told}.md")
    assert 0 == result.ret
    text = result.stdout.str()
    assert (1, 0) == (text.count("1 test under fault"), text.count("never fired"))
    data = json.loads(pytester.path.joinpath("told.json").read_text("utf-8"))
    assert [("passed", 1)] == [(one["outcome"], len(one["calls"])) for one in data["tests"]]


MISTAKEN = """
import pytest
@pytest.mark.fsfault(profile="flakey")
def test_refused(): pass
def test_late(request):
    request.node.add_marker(pytest.mark.fsfault("os.repalce -> EACCES"))
    request.getfixturevalue("fsfault")
def test_free(): pass
"""


def test_a_test_that_is_refused_has_its_entry(told, pytester):
    """It never ran, for a mistake in its markers: it has failed, and is not counted as under fault."""
    pytest.importorskip("jinja2")
    data, result = told(MISTAKEN, "--fsfault-html", "page", "--fsfault-markdown", "text", "--fsfault-seed=7")
    assert [
        ("test_it.py::test_refused", "failed", "marker", "setup", "Failed: unknown profile 'flakey'; did you mean 'flaky'?"),
        ("test_it.py::test_late", "failed", "marker", "call",
         "Failed: rule 'os.repalce -> EACCES': unknown operation 'os.repalce' (column 1); did you mean 'os.replace'?"),
    ] == [
        (one["id"], one["outcome"], *(one["failure"][key] for key in ("check", "when", "text"))) for one in data["tests"]
    ]  # fmt: skip
    assert ["pytest test_it.py::test_refused --fsfault-seed 7", 7, [], "off"] == [
        data["tests"][0][key] for key in ("reproduce", "seed", "calls", "profile")
    ]
    assert [2, 2, 2, 0] == [data["totals"][key] for key in ("tests", "refused", "failed", "faults")]
    assert "under fault" not in result.stdout.str()
    for name in ("page", "text"):
        assert "unknown profile" in pytester.path.joinpath(name).read_text("utf-8")


def test_a_refused_test_beside_others(told):
    """The summary counts it apart from those that were under fault."""
    _, result = told(MISTAKEN + "def test_other(fsfault): pass", "--fsfault-seed=7")
    result.stdout.fnmatch_lines(["1 test under fault, 0 faults, 2 refused; --fsfault-seed 7"])


def test_a_refused_test_in_a_worker(run, pytester):
    """A worker of xdist hands the entry over."""
    pytest.importorskip("xdist")
    run(MISTAKEN, "-p", "xdist", "-n", "1", "--fsfault-json", "told.json")
    data = json.loads(pytester.path.joinpath("told.json").read_text("utf-8"))
    assert ["marker", "marker"] == [one["failure"]["check"] for one in data["tests"]]
