"""A baseline lists the tests that are known to fail under a profile, and is strict in both directions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from skips import WINDOWS, imported

import pytest_fsfault

SUITE = """
import os, pytest

def put(directory, name="a.exe"):
    (directory / "new.exe").touch()
    with open(directory / name, "w"):
        os.replace(directory / "new.exe", directory / name)

def test_put(tmp_path):
    put(tmp_path)

def test_wrapped(tmp_path):
    try:
        put(tmp_path)
    except OSError as error:
        raise RuntimeError("put failed") from error

def test_looked_at(tmp_path):
    try:
        put(tmp_path)
    except OSError:
        pass
    assert not (tmp_path / "new.exe").exists()

def test_fine(tmp_path):
    (tmp_path / "x").touch()
    os.remove(tmp_path / "x")

@pytest.mark.xfail(strict=True)
def test_expected(tmp_path):
    put(tmp_path)

def test_skipped():
    pytest.skip("here")
"""
PROFILE = ("--fsfault-profile", "windows")
WRITE = (*PROFILE, "--fsfault-baseline", "known.json", "--fsfault-baseline-write", "--fsfault-seed", "5")
READ = (*PROFILE, "--fsfault-baseline", "known.json")


@pytest.fixture
def known(pytester):
    """Return a function that changes what the baseline says of a test, by keys; None takes it out."""

    def known(name=None, **change):
        path = pytester.path / "known.json"
        data = json.loads(path.read_text("utf-8"))
        if change:
            data["tests"].setdefault(f"test_it.py::{name}", {"class": "ValueError"}).update(change)
        elif name is not None:
            del data["tests"][f"test_it.py::{name}"]
        path.write_text(json.dumps(data), "utf-8")
        return data

    return known


def test_the_file(run, pytester):
    """It is sorted, has one test a line, and says by which error of which call each test fails."""
    result = run(SUITE, *WRITE)
    assert 0 == result.ret
    result.assert_outcomes(passed=1, xfailed=4, skipped=1)
    result.stdout.fnmatch_lines(["baseline known.json written: 3 added"])
    text = pytester.path.joinpath("known.json").read_text("utf-8")
    assert (
        text
        == """{
 "schema": 1,
 "profile": "windows",
 "seed": 5,
 "tests": {
  "test_it.py::test_looked_at": {"class": "AssertionError", "winerror": 5, "operation": "os.replace", "line": "test_it.py:22", "reason": ""},
  "test_it.py::test_put": {"class": "PermissionError", "winerror": 5, "operation": "os.replace", "line": "test_it.py:6", "reason": ""},
  "test_it.py::test_wrapped": {"class": "RuntimeError", "winerror": 5, "operation": "os.replace", "line": "test_it.py:15", "reason": ""}
 }
}
"""
    )
    again = run("", *WRITE)
    assert 0 == again.ret
    assert text == pytester.path.joinpath("known.json").read_text("utf-8")


def test_known_failures_are_expected(run, known, told):
    """A listed failure is an xfail with the user's reason; the run is green, and the JSON says how each test stands."""
    run(SUITE, *WRITE)
    known("test_put", reason="see #12", line="elsewhere.py:1")
    result = run("", *READ, "-rx")
    assert 0 == result.ret
    result.assert_outcomes(passed=1, xfailed=4, skipped=1)
    result.stdout.fnmatch_lines([
        "baseline known.json: 3 failed as known",
        "XFAIL test_it.py::test_put - known under the profile windows: PermissionError 5 by os.replace (see #12)",
    ])  # fmt: skip
    data, _ = told("", *READ)
    assert {
        "source": "known.json",
        "written": False,
        "known": 3,
        "changed": 0,
        "mended": 0,
        "new": 0,
    } == data["totals"]["baseline"]
    first = data["tests"][0]
    assert ("skipped", "known", "see #12") == (
        first["outcome"], first["baseline"]["status"], first["baseline"]["expected"]["reason"]
    )  # fmt: skip
    assert "test_it.py:6" == first["baseline"]["found"]["line"]
    assert first["reproduce"].endswith("--fsfault-baseline known.json --fsfault-seed 5")


@pytest.mark.parametrize(
    ("name", "change", "lines"),
    [
        ("test_fine", {"class": "ValueError", "winerror": 32, "operation": "os.remove"}, [
            "it passes, and known.json lists it as ValueError 32 by os.remove: take its line out of the file",
            "baseline known.json: 3 failed as known, 1 passed that were known to fail",
        ]),
        ("test_put", {"winerror": 32}, [
            "known.json lists it as PermissionError 32 by os.replace, and it failed as PermissionError 5 by os.replace",
            "baseline known.json: 2 failed as known, 1 failed otherwise",
        ]),
        ("test_put", {"class": "ValueError"}, ["*lists it as ValueError 5 by os.replace, and it failed as PermissionError 5*"]),
        ("test_put", {"operation": None}, ["*lists it as PermissionError 5, and it failed as PermissionError 5 by os.replace"]),
        ("test_put", {}, ["baseline known.json: 2 failed as known, 1 not listed"]),
        # What does not match is not looked for.
        ("test_put", {"line": "z.py:3", "reason": "mine"}, ["baseline known.json: 3 failed as known"]),
    ],
)  # fmt: skip
def test_strict_in_both_directions(run, known, told, name, change, lines):
    """A listed test that passes or fails otherwise fails the run, and so does a failure that is not listed."""
    run(SUITE, *WRITE)
    known(name, **change)
    data, result = told("", *READ)
    assert (0 if "line" in change else 1) == result.ret
    result.stdout.fnmatch_lines(lines)
    jsonschema = imported("jsonschema")
    schema = json.loads(
        Path(pytest_fsfault.__file__).with_name("_report").joinpath("schema.json").read_text("utf-8")
    )
    assert [] == [error.message for error in jsonschema.Draft202012Validator(schema).iter_errors(data)]


def test_a_test_that_is_not_selected_is_ignored(run, known):
    """Of the tests that do not run the file says what it said before, also once it is written; `-q` says what became of it."""
    run(SUITE, *WRITE)
    before = known("test_gone", reason="kept")["tests"]
    known("test_put", reason="mine")
    result = run("", *READ, "-k", "fine or put")
    assert 0 == result.ret
    mended = SUITE.replace('raise RuntimeError("put failed") from error', "pass")
    result = run(mended, *WRITE, "-q", "-k", "put or wrapped or fine")
    faults = 0 if WINDOWS else 2  # what the system itself refuses is none
    told = "baseline known.json written: 1 as before, 1 taken out; --fsfault-profile windows *"
    result.stdout.fnmatch_lines([f"fsfault: 3 tests under fault, {faults} faults; {told}"])
    after = known()["tests"]
    assert {*before} - {"test_it.py::test_wrapped"} == {*after}
    assert ("mine", "kept") == (
        after["test_it.py::test_put"]["reason"],
        after["test_it.py::test_gone"]["reason"],
    )


def test_the_seed_of_the_file_holds(run, told):
    """The seed is that of the file; another one on the command line is refused."""
    run(SUITE, *WRITE)
    data, _ = told("", *READ, "-o", "fsfault_seed=9")
    assert 5 == data["run"]["seed"]
    assert 0 == run("", *READ, "--fsfault-seed", "5").ret
    for more in ((), ("--fsfault-baseline-write",)):
        result = run("", *READ, *more, "--fsfault-seed", "6")
        assert 4 == result.ret
        result.stderr.fnmatch_lines([
            "ERROR: --fsfault-seed 6: known.json holds for the seed 5; leave the option out, or remove the file and *"
        ])  # fmt: skip


def test_of_a_profile_and_of_the_ini_file(run, pytester):
    """A profile names its baseline, or the ini file that of one profile: runs under another one have none."""
    run(SUITE, *WRITE)
    pytester.path.joinpath("pyproject.toml").write_text(
        '[tool.fsfault.profiles.mine]\nextends = "windows"\nbaseline = "of/mine.json"\n', "utf-8"
    )
    pytester.mkdir("of")
    mine = ("--fsfault-profile", "mine")
    result = run("", *mine)
    assert 4 == result.ret
    result.stderr.fnmatch_lines(
        [
            "ERROR: the baseline 'of/mine.json' of the profile 'mine' does not exist; write it by --fsfault-baseline-write"
        ]
    )
    result = run("", *PROFILE, "-o", "fsfault_baseline=no.json")
    result.stderr.fnmatch_lines(["ERROR: the baseline 'no.json' of the ini file does not exist; *"])
    assert 0 == run("", *mine, "--fsfault-baseline-write").ret
    assert 0 == run("", *mine).ret
    assert "mine" == json.loads(pytester.path.joinpath("of", "mine.json").read_text("utf-8"))["profile"]
    ini = ("-o", "fsfault_baseline=known.json")
    assert [0, 1, 1] == [
        run("", *arguments).ret
        for arguments in ((*PROFILE, *ini), PROFILE, ("--fsfault-profile", "windows-10", *ini))
    ]
    assert 0 == run("def test_plain(): pass", *ini).ret


def test_under_xdist(run, known, told):
    """Workers judge, and the controller writes and counts."""
    pytest.importorskip("xdist")
    assert 0 == run(SUITE, *WRITE, "-p", "xdist", "-n", "1").ret
    assert 3 == len(known()["tests"])
    known("test_fine", **{"class": "ValueError"})
    data, result = told("", *READ, "-p", "xdist", "-n", "1")
    assert 1 == result.ret
    assert (3, 1) == (data["totals"]["baseline"]["known"], data["totals"]["baseline"]["mended"])


def test_runxfail(run):
    """With `--runxfail` known failures show as what they are."""
    run(SUITE, *WRITE)
    result = run("", *READ, "--runxfail")
    assert 1 == result.ret


MISTAKES = [
    ((*PROFILE, "--fsfault-baseline-write"), None,
     "--fsfault-baseline-write writes the file that --fsfault-baseline names; name one"),
    (READ, None, "--fsfault-baseline 'known.json' does not exist; write it by --fsfault-baseline-write"),
    ((*PROFILE, "--fsfault-baseline", "."), None, "--fsfault-baseline '.' is not readable: *"),
    ((*PROFILE, "--fsfault-baseline", "no/known.json", "--fsfault-baseline-write"), None,
     "--fsfault-baseline '*no*known.json' is in no directory that exists; make it first"),
    (READ, "no", "--fsfault-baseline 'known.json' is not JSON: *"),
    (READ, [], "--fsfault-baseline 'known.json' is not a baseline: it has no number 'schema'"),
    (READ, {"schema": 2}, "--fsfault-baseline 'known.json' has schema 2, and this version of pytest-fsfault reads 1: install another one"),
    (READ, {"schema": 1, "profile": "windows", "seed": "5", "tests": {}},
     "*is not a baseline: its 'seed' is '5'; write it by --fsfault-baseline-write"),
    (READ, {"schema": 1, "profile": "windows", "seed": 5, "tests": {"a": 3}}, "*the entry of a is 3, not a table"),
    (READ, {"schema": 1, "profile": "windows", "seed": 5, "tests": {"a": {"class": "E", "winerror": "5"}}},
     "*the entry of a has to have a text 'class', a number or null 'winerror', and a text or null 'operation'"),
    (READ, {"schema": 1, "profile": "defender", "seed": 5, "tests": {}},
     "*was written under the profile 'defender', and this run is under 'windows'; add --fsfault-profile defender"),
    (("--fsfault-baseline", "known.json"), {"schema": 1, "profile": "windows", "seed": 5, "tests": {}},
     "*was written under the profile 'windows', and this run is under 'off'; add --fsfault-profile windows"),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "content", "message"), MISTAKES)
def test_mistakes(run, pytester, arguments, content, message):
    """What is wrong with a baseline is said in one sentence, and the run ends with 4."""
    if content is not None:
        text = content if isinstance(content, str) else json.dumps(content)
        pytester.path.joinpath("known.json").write_text(text, "utf-8")
    result = run("def test_it(): pass", *arguments)
    assert 4 == result.ret
    result.stderr.fnmatch_lines([f"ERROR: {message}"])


def test_an_error_of_the_system_itself(run, known):
    """Of an error that nobody has injected only the number is known, where it has one; of no error at all, nothing."""
    source = """
        import os
        def test_missing(tmp_path):
            os.remove(tmp_path / "none")
        def test_value(tmp_path):
            raise ValueError("no error of a call")
        def test_while():
            try:
                raise KeyError
            except KeyError as error:
                error.__context__ = error.__cause__ = None
                raise RuntimeError from error
    """
    assert 0 == run(source, *WRITE).ret
    tests = known()["tests"]
    found = {
        name.partition("::")[2]: tuple(row[key] for key in ("class", "winerror", "operation"))
        for name, row in tests.items()
    }
    assert {
        "test_missing": ("FileNotFoundError", 2, None),
        "test_value": ("ValueError", None, None),
        "test_while": ("RuntimeError", None, None),
    } == found  # fmt: skip
    assert 0 == run("", *READ).ret


PARTS = """
import os, pytest, unittest

def refused(directory):
    with open(directory / "a.exe", "w"):
        os.remove(directory / "a.exe")

@pytest.fixture(autouse=True)
def _directory(request, tmp_path):
    if request.instance is not None:
        request.instance.directory = tmp_path

class TestParts(unittest.TestCase):
    def test_fails(self):
        with self.subTest("fine"):
            pass
        with self.subTest("refused"):
            refused(self.directory)
        with self.subTest("by itself"):
            [].pop()

    def test_passes(self):
        with self.subTest("fine"):
            pass

def test_fails(subtests, tmp_path):
    with subtests.test("refused"):
        refused(tmp_path)
    with subtests.test("fine"):
        pass
"""
REFUSED = ("PermissionError", 32, "os.remove")


def test_parts(run, known):
    """A test whose subtest fails has failed: it is listed by the first of them, and its line is known from then on."""
    result = run(PARTS, *WRITE)
    assert 0 == result.ret
    result.stdout.fnmatch_lines(["baseline known.json written: 2 added"])
    assert {"test_it.py::TestParts::test_fails": REFUSED, "test_it.py::test_fails": REFUSED} == {
        name: (one["class"], one["winerror"], one["operation"]) for name, one in known()["tests"].items()
    }
    result = run("", *READ)
    assert 0 == result.ret
    result.assert_outcomes(passed=1, xfailed=2)
    result.stdout.fnmatch_lines(["baseline known.json: 2 failed as known"])


def test_parts_that_are_not_listed(run, known):
    """A subtest that fails otherwise than listed, or in a test that is not listed, stays a failure."""
    run(PARTS, *WRITE)
    known("TestParts::test_fails", winerror=5)
    known("test_fails")
    result = run("", *READ)
    assert 1 == result.ret
    result.stdout.fnmatch_lines(["baseline known.json: 1 failed otherwise, 1 not listed"])


def test_parts_that_are_mended(run, known):
    """A listed test all of whose subtests pass is reported once, as mended."""
    run(PARTS, *WRITE)
    known("TestParts::test_passes", winerror=5)
    result = run("", *READ)
    assert 1 == result.ret
    result.assert_outcomes(failed=1, xfailed=2)
    result.stdout.fnmatch_lines(["baseline known.json: 2 failed as known, 1 passed that were known to fail"])
