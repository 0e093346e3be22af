"""What a run shows: at a red test, at its end, and as JSON."""

from __future__ import annotations

import os
import re

import pytest

INSTALL = """
import os, pytest, time
def install(directory, attempts):
    open(directory / "new.exe", "w").close()
    for attempt in range(attempts):
        try:
            return os.replace(directory / "new.exe", directory / "tool.exe")
        except PermissionError:
            time.sleep(0.25)
    os.replace(directory / "new.exe", directory / "tool.exe")
"""
RUN = (
    INSTALL
    + """
@pytest.mark.fsfault("os.replace *.exe -> WinError 32 when first 2", "os.rmdir -> EIO or never")
def test_green(tmp_path):
    install(tmp_path, attempts=3)
@pytest.mark.fsfault("os.replace *.exe -> ERROR_ACCESS_DENIED when first 2")
def test_red(tmp_path):
    install(tmp_path, attempts=1)
@pytest.mark.fsfault("os.remove *.dll -> EBUSY", strict=False)
def test_never(tmp_path):
    pass
def test_plain(tmp_path):
    pass
"""
)


def section(result, title):
    """Return the lines of the output below `title`, up to the next title."""
    lines = iter(result.outlines)
    head = re.compile(rf"[=_-]+ {re.escape(title)} [=_-]+")
    assert any(head.fullmatch(line) for line in lines), title
    found = []
    for line in lines:
        if re.match(r"[=_-]{3,} ", line):
            break
        found.append(line)
    return found


def stable(lines):
    """Return lines without what differs from run to run."""
    text = re.sub(r"'/\S*/(test_\w+0/)", r"'…/\1", "\n".join(lines))
    text = re.sub(r"^(#\d) +\d\.\d{4} s", r"\1 … s", text, flags=re.MULTILINE)
    return re.sub(r"in \d+\.\d+ s of", "in … s of", text).split("\n")


def test_summary(run):
    """The summary counts tests, faults, retries and waits, and names rules that never fired in the whole run."""
    result = run(RUN, "--fsfault-seed", "7")
    result.assert_outcomes(passed=3, failed=1)
    assert [
        "3 tests under fault, 4 faults; --fsfault-seed 7",
        "       2  os.replace  ERROR_ACCESS_DENIED",
        "       2  os.replace  WinError 32",
        "retried: 2 files, at most 3 attempts",
        "waited: 0.750 s of virtual time, in … s of real time",
        "never fired:",
        "  os.remove *.dll -> EBUSY",
    ] == stable(section(result, "fsfault"))


def test_red_test(run):
    """A red test shows the journal around its faults, each error as Python prints it, and how to run it again."""
    result = run(RUN, "--fsfault-seed", "7")
    lines = stable(section(result, "file-system faults"))
    error = "        PermissionError: [WinError 5] Access is denied: '…/test_red0/new.exe' -> '…/test_red0/tool.exe'"
    assert [
        "#0 … s  os.replace test_red0/new.exe -> test_red0/tool.exe  raised, at test_it.py:6",
        error,
        "        os.replace *.exe -> ERROR_ACCESS_DENIED when first 2: call 1 of 2",
        "#1 … s  os.replace test_red0/new.exe -> test_red0/tool.exe  raised, at test_it.py:9",
        error,
        "        os.replace *.exe -> ERROR_ACCESS_DENIED when first 2: call 2 of 2",
        "to reproduce: pytest test_it.py::test_red --fsfault-seed 7",
    ] == lines
    assert 1 == result.stdout.str().count("- file-system faults -")


AROUND = """
import os, pytest
@pytest.mark.fsfault("os.mkdir -> EIO when nth 10")
def test_it(tmp_path):
    for n in range(20):
        try:
            os.mkdir(tmp_path / str(n))
        except OSError:
            pass
    assert not {fail}
"""


def test_around_the_faults(run):
    """Of a long journal the entries around each fault are shown; with `--fsfault-show all` every one."""
    shown = section(run(AROUND.format(fail=True)), "file-system faults")
    assert ["#7", "#8", "#9", "#10", "#11"] == [line.split()[0] for line in shown if line.startswith("#")]
    everything = section(run(AROUND.format(fail=True), "--fsfault-show", "all"), "file-system faults")
    assert 20 == sum(line.startswith("#") for line in everything)


@pytest.mark.parametrize(("show", "entries"), [("faults", 5), ("all", 20)])
def test_show(run, show, entries):
    """`--fsfault-show` shows the journals of green tests at the end, even with `-q`."""
    for quiet in ([], ["-q"], ["--no-summary"]):
        result = run(AROUND.format(fail=False), "--fsfault-show", show, *quiet)
        lines = section(result, "fsfault: test_it.py::test_it")
        assert entries == sum(line.startswith("#") for line in lines)


@pytest.mark.parametrize("brief", ["-q", "--no-summary"])
def test_brief(run, brief):
    """`-q` and `--no-summary` silence the summary; `-q` leaves the red test its section."""
    text = run(RUN, brief).stdout.str()
    assert "under fault" not in text
    assert (brief == "-q") is ("to reproduce: pytest test_it.py::test_red" in text)


def test_nothing_to_say(run):
    """Where no test was under fault nothing is printed."""
    assert "under fault" not in run("def test_it(): pass").stdout.str()


LATE = """
import pytest
@pytest.fixture
def early(): 1 / 0
@pytest.fixture
def late():
    yield
    1 / 0
@pytest.mark.fsfault("os.mkdir -> EIO or never")
def test_early(early): pass
@pytest.mark.fsfault("os.mkdir -> EIO")
def test_late(late, tmp_path):
    with pytest.raises(OSError):
        (tmp_path / "a").mkdir()
"""


def test_red_fixture(run):
    """A test that is red by a fixture says how to run it again as well; what failed later shows the faults too."""
    result = run(LATE, "--fsfault-rule", "os.link -> EIO", "--fsfault-seed", "7")
    result.assert_outcomes(passed=1, errors=2)
    options = "--fsfault-rule 'os.link -> EIO' --fsfault-seed 7"
    result.stdout.fnmatch_lines(
        [
            "*ERROR at setup of test_early*",
            f"to reproduce: pytest test_it.py::test_early {options}",
            "*ERROR at teardown of test_late*",
            "#0 * os.mkdir test_late0/a  raised, at test_it.py:*",
            f"to reproduce: pytest test_it.py::test_late {options}",
        ]
    )


def test_reproduces_from_elsewhere(run, pytester, monkeypatch):
    """The line names the test as one must from where pytest was started, and as a shell takes it."""
    source = "import pytest\n@pytest.mark.parametrize('n', ['a b'])\n@pytest.mark.fsfault('os.mkdir -> EIO')\ndef test_it(n): pass"
    pytester.makeini("[pytest]")
    pytester.makepyfile(**{"sub/test_sub": source})
    monkeypatch.chdir(pytester.path / "sub")
    run("", "--fsfault-seed", "7").stdout.fnmatch_lines(
        ["to reproduce: pytest 'test_sub.py::test_it[[]a b[]]' --fsfault-seed 7"]
    )


SUBTESTS = (
    INSTALL
    + """
@pytest.mark.fsfault("os.replace *.exe -> WinError 32 when first 2")
def test_it(tmp_path, subtests):
    with subtests.test("one"):
        install(tmp_path, attempts=1)
    with subtests.test("two"):
        install(tmp_path, attempts=1)
"""
)


def test_subtests(told):
    """A test with subtests is one test; a subtest that is red shows its faults."""
    data, result = told(SUBTESTS)
    assert (1, 2) == (data["totals"]["tests"], data["totals"]["faults"])
    assert "raised, at test_it.py:9" in result.stdout.str()


def test_json(told):
    """The JSON has everything that the summary is made of, for the run and for each test."""
    data, _ = told(RUN, "--fsfault-seed", "7")
    seconds = sum(test["seconds"] for test in data["tests"])
    assert {
        "profile": "off",
        "rules": [],
        "seed": 7,
        "totals": {
            "tests": 3,
            "faults": 4,
            "counts": [["os.replace", "ERROR_ACCESS_DENIED", 2], ["os.replace", "WinError 32", 2]],
            "retried": 2,
            "most_attempts": 3,
            "waited_virtual": 0.75,
            "took_real": seconds,
            "kept_step": {},
            "never_fired": ["os.remove *.dll -> EBUSY"],
            "children": 0,
            "unreached": [],
            "sweeps": 0,
            "trials": 0,
            "trials_failed": 0,
        },
    } == {key: value for key, value in data.items() if key != "tests"}
    green = data["tests"][0]
    faults = green.pop("faults")
    green.pop("seconds")
    assert {
        "test": "test_it.py::test_green",
        "outcome": "passed",
        "profile": "off",
        "seed": "7:test_it.py::test_green",
        "entries": 3,
        "counts": [["os.replace", "WinError 32", 2]],
        "retries": [
            {"operation": "os.replace", "path": "test_green0/new.exe", "attempts": 3, "waits": [0.25, 0.25], "outcome": "ok"}
        ],
        "waited": 0.5,
        "kept_step": {},
        "children": {"started": 0, "unreached": []},
        "sweeps": [],
        "rules": [
            {"rule": "os.replace *.exe -> WinError 32 when first 2", "own": True, "optional": False, "matched": 3, "fired": 2},
            {"rule": "os.rmdir -> EIO or never", "own": True, "optional": True, "matched": 0, "fired": 0},
        ],
    } == green  # fmt: skip
    assert [0, 1] == [fault["index"] for fault in faults]
    fault = faults[0]
    assert fault.pop("error").startswith("PermissionError: [WinError 32] The process cannot access the file")
    assert 0 < fault.pop("at") < faults[1]["at"] - 0.25
    assert fault.pop("call_site").endswith("test_it.py:6")
    assert {
        "index": 0,
        "operation": "os.replace",
        "path": "test_green0/new.exe",
        "target": "test_green0/tool.exe",
        "fault": "WinError 32",
        "reason": "os.replace *.exe -> WinError 32 when first 2: call 1 of 2",
        "outcome": "raised",
        "process": os.getpid(),
    } == fault


def test_json_stays_where_it_was_named(told, pytester):
    """A relative path is meant from where pytest was started, wherever a test goes."""
    data, _ = told("import os\ndef test_it(tmp_path, fsfault): os.chdir(tmp_path)")
    assert 1 == data["totals"]["tests"]


ODD = r"""
import os, pytest
@pytest.mark.fsfault("os.remove -> EIO")
def test_it(tmp_path):
    os.remove(os.fsencode(tmp_path) + b"/\xff")
"""


def test_names_that_cannot_be_encoded(told):
    """A name that is no text shows in an escaped form."""
    data, result = told(ODD)
    assert r"test_it0/\udcff" == data["tests"][0]["faults"][0]["path"]
    result.stdout.fnmatch_lines([r"#0 * os.remove test_it0/\udcff  raised, *"])
