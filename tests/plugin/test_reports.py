"""What a run shows: at a red test, at its end, and as JSON."""

from __future__ import annotations

import errno
import json
import os
import re
import subprocess
import sys
import threading
import time

import pytest
from skips import QUOTE, imported

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
    return re.sub(r"took [\d.e-]+ s", "took … s", text).split("\n")


def test_summary(run):
    """The summary counts tests, faults, retries and waits, and names rules that never fired in the whole run."""
    result = run(RUN, "--fsfault-seed", "7")
    result.assert_outcomes(passed=3, failed=1)
    assert [
        "3 tests under fault, 4 faults; --fsfault-seed 7",
        "       2  os.replace  ERROR_ACCESS_DENIED",
        "       2  os.replace  WinError 32",
        "retried: 2 files, at most 3 attempts",
        "waits skipped: 0.75 s; the tests took … s",
        "never fired:",
        "  os.remove *.dll -> EBUSY, in test_it.py::test_never",
    ] == stable(section(result, "fsfault"))


def test_red_test(run):
    """A red test shows the journal around its faults, what an error means once, and how to run it again."""
    result = run(RUN, "--fsfault-seed", "7")
    lines = stable(section(result, "file-system faults"))
    assert [
        "#0 … s  os.replace test_red0/new.exe -> test_red0/tool.exe  raised, at test_it.py:6",
        "        PermissionError: [WinError 5] Access is denied",
        "        os.replace *.exe -> ERROR_ACCESS_DENIED when first 2: call 1 of 2",
        "#1 … s  os.replace test_red0/new.exe -> test_red0/tool.exe  raised, at test_it.py:9",
        "        PermissionError: [WinError 5]",
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
    # With that option pytest 9.0 asks no plugin for its part of the summary.
    for quiet in ([], ["-q"], *[["--no-summary"]] * (pytest.version_tuple >= (9, 2))):
        result = run(AROUND.format(fail=False), "--fsfault-show", show, *quiet)
        lines = section(result, "fsfault: test_it.py::test_it")
        assert entries == sum(line.startswith("#") for line in lines)


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
    options = f"--fsfault-rule {QUOTE}os.link -> EIO{QUOTE} --fsfault-seed 7"
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
        [f"to reproduce: pytest {QUOTE}test_sub.py::test_it[[]a b[]]{QUOTE} --fsfault-seed 7"]
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


def test_json_of_the_run(told):
    """The JSON says under what the run was, on what, how to have it again, and the sums of the summary."""
    data, _ = told(RUN, "--fsfault-seed", "7")
    run = data["run"]
    assert ("off", [], 7, None, None) == tuple(
        run[key] for key in ("profile", "rules", "seed", "windows", "replay_of")
    )
    assert {"pytest-fsfault", "pytest", "python"} == set(run["versions"])
    assert sys.platform == run["platform"]
    assert run["command"].startswith("pytest ")
    assert "--fsfault-seed 7" == run["arguments"]
    assert 0 <= time.time() - run["started"] < 600
    why = "no call of os.remove below the roots"
    totals = {
        "tests": 3,
        "passed": 2,
        "failed": 1,
        "skipped": 0,
        "interrupted": 0,
        "refused": 0,
        "reruns": 0,
        "faults": 4,
        "counts": [["os.replace", "ERROR_ACCESS_DENIED", 2], ["os.replace", "WinError 32", 2]],
        "retried": 2,
        "most_attempts": 3,
        "waits_skipped": 0.75,
        "seconds": sum(test["seconds"] for test in data["tests"]),
        "never_fired": [
            {"rule": "os.remove *.dll -> EBUSY", "tests": ["test_it.py::test_never"], "reason": why}
        ],
        "kept_step": {},
        "processes": 0,
        "unreached": [],
        "outside": {"tests": 0, "path": None},
        "sweeps": 0,
        "trials": 0,
        "trials_failed": 0,
        "replay": None,
        "baseline": None,
    }
    never = data["totals"]["never_fired"][0]
    never["reason"] = never["reason"].partition(": ")[2]
    assert totals == data["totals"]


def test_json_of_a_test(told):
    """Each test has its calls, rules, retries and waits."""
    data, _ = told(RUN, "--fsfault-seed", "7")
    green = data["tests"][0]
    calls, waits = green.pop("calls"), green.pop("waits")
    assert 0 < green.pop("seconds")
    assert 0.5 < green.pop("virtual_end") < 1
    assert {
        "id": "test_it.py::test_green",
        "outcome": "passed",
        "failure": None,
        "reproduce": "pytest test_it.py::test_green --fsfault-seed 7",
        "profile": "off",
        "seed": "7:test_it.py::test_green",
        "baseline": None,
        "replay": None,
        "observed": False,
        "numbered": True,
        "kept_step": {},
        "counts": [["os.replace", "WinError 32", 2]],
        "retries": [
            {"operation": "os.replace", "path": "test_green0/new.exe", "attempts": 3, "waits": [0.25, 0.25],
             "total_wait": 0.5, "outcome": "ok"}
        ],
        "holds": [], "processes": [], "unreached": [], "outside": None, "sweeps": [], "tolerances": [],
        "rules": [
            {"rule": "os.replace *.exe -> WinError 32 when first 2", "own": True, "optional": False, "matched": 3,
             "fired": 2, "reason": None, "closest": None},
            {"rule": "os.rmdir -> EIO or never", "own": True, "optional": True, "matched": 0, "fired": 0,
             "reason": None, "closest": None},
        ],
    } == green  # fmt: skip
    assert [0.25, 0.25] == [round(wait["to"] - wait["from"], 6) for wait in waits]
    assert ["raised", "raised", "ok"] == [call["outcome"] for call in calls]
    call = calls[0]
    error = call.pop("error")
    assert ("PermissionError", errno.EACCES, "EACCES", 32) == tuple(
        error[key] for key in ("class", "errno", "name", "winerror")
    )
    assert error["text"].startswith("[WinError 32] The process cannot access the file")
    assert 0 < call.pop("at") < calls[1]["at"] - 0.25
    assert threading.get_ident() == call.pop("thread")
    assert {
        "n": 0,
        "operation": "os.replace",
        "path": "test_green0/new.exe",
        "target": "test_green0/tool.exe",
        "fault": "WinError 32",
        "reason": "os.replace *.exe -> WinError 32 when first 2: call 1 of 2",
        "hold": None,
        "nth": 1,
        "outcome": "raised",
        "process": os.getpid(),
        "program": None,
        "site": "test_it.py:6",
    } == call
    red = next(test for test in data["tests"] if test["outcome"] == "failed")
    assert red["failure"]["text"]
    assert red["reproduce"].startswith("pytest test_it.py::test_red ")


EVERYTHING = """
import os, subprocess, sys, time, pytest

@pytest.mark.fsfault("os.mkdir -> ERROR_ACCESS_DENIED when first 1", "os.rmdir -> EIO", windows="11", strict=False)
def test_rules(tmp_path, fsfault):
    fsfault.windows().hold(tmp_path, seconds=1)
    for _ in range(2):
        try:
            os.mkdir(tmp_path / "a")
        except PermissionError:
            time.sleep(1)
    subprocess.run([sys.executable, "-c", "pass"])

def prepare(root):
    (root / "a").touch()

def body(root):
    try:
        os.replace(root / "a", root / "b")
    except PermissionError:
        time.sleep(1)
        os.replace(root / "a", root / "b")

def test_proofs(fsfault):
    for trial in fsfault.sweep(prepare, faults=["ERROR_ACCESS_DENIED", "short 1", "crash"]):
        with trial as root:
            body(root)
        trial.check(trial.fault != "crash", "no luck")
        trial.check_rerun(body)
    fsfault.tolerance(body, prepare=prepare, rule="os.replace -> EACCES", up_to="2s")

def test_skipped(fsfault):
    pytest.skip()
"""


def test_the_schema_describes_the_json(told):
    """Whatever a run writes is valid by the schema that the package prints, and has each of its fields."""
    jsonschema = imported("jsonschema")
    printed = subprocess.run(
        [sys.executable, "-m", "pytest_fsfault", "schema"], capture_output=True, text=True, check=True
    )
    schema = json.loads(printed.stdout)
    validator = jsonschema.Draft202012Validator(schema)
    validator.check_schema(schema)
    for source in (RUN, EVERYTHING, ODD, "def test_plain(): pass"):
        data, _ = told(source)
        assert [] == [f"{error.json_path}: {error.message}" for error in validator.iter_errors(data)]
    data, _ = told(EVERYTHING)
    rules, proofs = data["tests"][0], data["tests"][1]
    for key in ("calls", "rules", "holds", "retries", "waits", "processes"):
        assert rules[key], key
    rows = proofs["sweeps"]
    assert [None, "ERROR_ACCESS_DENIED", "ERROR_ACCESS_DENIED", "crash", "short 1"] == [
        row["fault"] for row in rows
    ]
    assert [True] * 4 + [False] == [row["applies"] for row in rows]
    assert ["check", "check_rerun"][:1] == [verdict["check"] for verdict in rows[3]["verdicts"]]
    assert "healed" == rows[3]["rerun"]
    assert rows[3]["reproduce"].endswith("--fsfault-trial 3 --fsfault-seed " + str(data["run"]["seed"]))
    assert [] == proofs["tolerances"]  # the sweep has failed before


@pytest.mark.parametrize("profile", ["off", "observe"])
def test_figures_are_the_same_under_observe(told, profile):
    """A fault of a sweep counts once, and calls of two trials are no attempts of one."""
    source = """
        import os
        def prepare(root):
            for n in "abc":
                (root / n).write_text(n)
        def test_sweep(fsfault):
            for trial in fsfault.sweep(prepare, faults=["ERROR_ACCESS_DENIED", "crash"]):
                with trial as root:
                    for n in "abc":
                        os.remove(root / n)
                trial.check(True, "")
            assert not [one for one in fsfault.retries("os.remove") if one.attempts > 1]
    """
    data, result = told(source, "--fsfault-profile", profile)
    result.assert_outcomes(passed=1)
    totals = data["totals"]
    assert (9, 0, 9) == (totals["faults"], totals["retried"], totals["trials"])


@pytest.mark.parametrize("name", [
    "\x1b[31mred\x1b[0m", "a\nb", "x\ry", "\x07bell", "\u202egnp.exe", "\u2028ls", "\x9b31m", "\udcff\udc80", "%s{0}", "]]>",
])  # fmt: skip
def test_hostile_names(told, name):
    """What moves the cursor or hides is escaped in everything that is printed; the JSON keeps the name."""
    source = f"""
        import os, pytest
        NAME = {name!r}
        @pytest.mark.fsfault("os.mkdir -> EACCES when first 1", "os.rmdir never -> EIO")
        def test_call(tmp_path):
            os.mkdir(os.path.join(tmp_path, NAME))
        def test_sweep(fsfault):
            def prepare(root):
                (root / NAME).touch()
            for trial in fsfault.sweep(prepare, faults=["EACCES"], persist=False):
                with trial as root:
                    os.remove(root / NAME)
                    os.mkdir(root / NAME)
                trial.check_atomic()
    """
    data, result = told(source, "--fsfault-show", "all")
    result.assert_outcomes(failed=2)
    shown = result.stdout.str().replace("\n", "")
    assert [] == sorted(set(re.findall("[\x00-\x1f\x7f-\x9f\u2028-\u202e\ud800-\udfff]", shown)))
    assert f"test_call0/{name}" == data["tests"][0]["calls"][0]["path"]


def test_equal_entries_are_folded(run):
    """A loop that fails in the same way a hundred times is told in a few lines."""
    result = run("""
        import os, pytest
        @pytest.mark.fsfault("os.mkdir -> EACCES")
        def test_it(tmp_path):
            for _ in range(100):
                try:
                    os.mkdir(tmp_path / "a")
                except PermissionError:
                    pass
            assert 0
    """)
    lines = section(result, "file-system faults")
    assert 5 == len(lines)
    assert re.fullmatch(r" +\.\.\. 99 more like it, until \d\.\d{4} s", lines[3])


def test_json_stays_where_it_was_named(told, pytester):
    """A relative path is meant from where pytest was started, wherever a test goes."""
    data, _ = told("import os\ndef test_it(tmp_path, fsfault): os.chdir(tmp_path)")
    assert 1 == data["totals"]["tests"]


# On Windows a path's text can have any 16 bits; elsewhere its bytes need not be text.
ODD = r"""
import os, pytest
@pytest.mark.fsfault("os.remove -> EIO")
def test_it(tmp_path):
    if os.name == "nt":
        os.remove(str(tmp_path) + "\\\udcff")
    else:
        os.remove(os.fsencode(tmp_path) + b"/\xff")
"""


def test_names_that_cannot_be_encoded(told):
    """A name that is no text shows in an escaped form."""
    data, result = told(ODD)
    assert "test_it0/\udcff" == data["tests"][0]["calls"][0]["path"]
    result.stdout.fnmatch_lines([r"#0 * os.remove test_it0/\udcff  raised, *"])
