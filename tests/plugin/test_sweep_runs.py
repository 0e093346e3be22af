"""What users see of a sweep under pytest: the verdict, the line that runs one trial alone, the summary, the JSON."""

from __future__ import annotations

import json

import pytest

SOURCE = """
import os, pytest

def prepare(root):
    for name in "abc":
        (root / name).write_text("old")

def install(root):
    for name in "abc":
        (root / name).write_text("brand new")

def sweep(fsfault, install=install, **wanted):
    for trial in fsfault.sweep(prepare, **wanted):
        with trial as root:
            install(root)
        trial.check_atomic()
"""

BUGGY = f"""{SOURCE}
def test_install(fsfault, tmp_path):
    sweep(fsfault, faults=["EACCES"], operations="open", persist=False)
"""


def test_the_verdict(run):
    """A table of failing trials, in the place where the loop stands, with the line that runs each alone."""
    result = run(BUGGY, "--fsfault-seed", "3")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            ">*for trial in fsfault.sweep(prepare, **wanted):",
            "E*AssertionError: 2 of 3 trials failed",
            "E*trial 2: open b: EACCES, at test_it.py:9 (call 2 of that line)",
            "E*check_atomic: the tree is neither the old nor the new one; compared with the old one:",
            "E*~ a 3 -> 9 bytes",
            "E*files kept in: */test_install0/fsfault-sweep/failed-2/root",
            "E*run only this trial: pytest test_it.py::test_install --fsfault-trial 2 --fsfault-seed 3",
        ]
    )


def test_one_trial_alone(run):
    """After the first; the run says in its header what it is under."""
    result = run(BUGGY, "--fsfault-trial", "1")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["sweeps: 1 (1 trial with a fault, 0 failed)"])
    result = run(None, "--fsfault-trial", "2")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E*1 of 1 trial failed", "*to reproduce: *--fsfault-trial 2 *"])


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("999", "E*AssertionError: there is no trial 999: the trials of this sweep are 0 to 3"),
        ("2-1", "E*AssertionError: there is no trial 2-1: this test has 1 sweep"),
    ],
)
def test_a_trial_that_does_not_exist(run, text, line):
    """It fails the test that was asked for it."""
    result = run(BUGGY, "--fsfault-trial", text)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([line.replace("E*AssertionError: ", "*")])


def test_a_trial_of_no_sweep(run):
    """A run without any sweep has no trials."""
    result = run("def test_nothing(): pass", "--fsfault-trial", "3")
    assert 4 == result.ret
    result.stderr.fnmatch_lines(["*--fsfault-trial 3: no test of this run has a sweep"])


def test_an_id_that_is_none(run):
    """One line, exit 4."""
    result = run(BUGGY, "--fsfault-trial", "seven")
    assert 4 == result.ret
    result.stderr.fnmatch_lines(
        ["*--fsfault-trial 'seven' is not the ID of a trial; write one as a sweep prints it, such as 7"]
    )


def test_two_sweeps_in_one_test(run):
    """The second one's trials are named after it."""
    source = f"""{SOURCE}
def test_install(fsfault):
    sweep(fsfault, faults=["EACCES"], operations="open", persist=False, limit=1)
    sweep(fsfault, faults=["EACCES"], operations="open", persist=False)
"""
    run(source).stdout.fnmatch_lines(
        ["*run only this trial: pytest test_it.py::test_install --fsfault-trial 2-2 *"]
    )
    result = run(None, "--fsfault-trial", "2-3")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E*1 of 1 trial failed", "*trial 3: open c: *"])


def test_summary_and_json(told):
    """How many trials there were, how many failed, and which faults they met."""
    source = f"""{BUGGY}
def test_fixed(fsfault):
    def fixed(root):
        (root / "new").write_text("x")
    sweep(fsfault, fixed, faults=["EACCES"])
"""
    document, result = told(source)
    result.stdout.fnmatch_lines(
        [
            "2 tests under fault, 5 faults; *",
            "*5  open *EACCES",
            "sweeps: 2 (5 trials with a fault, 2 failed)",
        ]
    )
    totals = document["totals"]
    assert (2, 5, 2) == (totals["sweeps"], totals["trials"], totals["trials_failed"])
    rows = [row for row in document["tests"][0]["sweeps"] if row["fault"] and row["applies"]]
    assert [("1", False), ("2", True), ("3", True)] == [(row["id"], bool(row["verdicts"])) for row in rows]


def test_workers_tell_their_trials(pytester, apart):
    """Under xdist the counts arrive at the controller."""
    pytest.importorskip("xdist")
    pytester.makepyfile(test_it=BUGGY, test_two=BUGGY)
    result = apart("-n", "2", "--fsfault-json", "told.json", plugins=["xdist"])
    result.assert_outcomes(failed=2)
    totals = json.loads(pytester.path.joinpath("told.json").read_text("utf-8"))["totals"]
    assert (2, 6, 4) == (totals["sweeps"], totals["trials"], totals["trials_failed"])


def test_a_loop_that_is_left_early(run):
    """It fails the test, in one line."""
    result = run(
        f"""{SOURCE}
def test_install(fsfault):
    for trial in fsfault.sweep(prepare):
        with trial as root:
            install(root)
        trial.check_atomic()
        break
"""
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["a sweep was left early, after 0 faulted trials: let its loop end"])


def test_in_a_block_of_its_own(run):
    """`inject` in a test knows the test: trees stand below its `tmp_path`, and the line names it."""
    result = run(
        f"""{SOURCE}
from pytest_fsfault import inject

def test_install(tmp_path):
    with inject() as fsfault:
        sweep(fsfault, faults=["EACCES"], operations="open", persist=False)
"""
    )
    result.stdout.fnmatch_lines(
        [
            "E*files kept in: */test_install0/fsfault-sweep/failed-2/root",
            "E*run only this trial: pytest test_it.py::test_install --fsfault-trial 2 *",
        ]
    )


def test_under_a_profile(run):
    """The default profile emulates Windows around each trial."""
    source = f"""{SOURCE}
def test_install(fsfault):
    def fixed(root):
        (root / "new").write_text("x")
    sweep(fsfault, fixed, faults=["EACCES"])
"""
    run(source, "--fsfault").assert_outcomes(passed=1)


def test_pdb_and_reports_find_nothing_in_the_way(run):
    """An assertion in the block before a fault shows the test's own line."""
    result = run(
        f"""{SOURCE}
def test_install(fsfault):
    for trial in fsfault.sweep(prepare):
        with trial as root:
            assert (root / "a").read_text() == "new"
"""
    )
    result.stdout.fnmatch_lines(['>*assert (root / "a").read_text() == "new"', "E*AssertionError*"])


def test_the_same_trials_under_any_luck(pytester, apart, monkeypatch):
    """Hash seeds and pytest-randomly change neither the trials nor their order."""
    pytest.importorskip("pytest_randomly")
    pytester.makepyfile(
        f"""{SOURCE}
import shutil

def remove(root):
    shutil.rmtree(root / "many")

def build(root):
    (root / "many").mkdir()
    for name in {{f"{{number:x}}" for number in range(50)}}:
        (root / "many" / name).touch()

def test_remove(fsfault):
    for trial in fsfault.sweep(build, faults=["EACCES"], distinct="position"):
        with trial as root:
            remove(root)
        trial.check_error()
        print("#", trial.id, trial.fault, [entry.path[-6:] for entry in trial.injected])

def test_nothing():
    pass
"""
    )
    lines = []
    for seed in ("1", "2"):
        monkeypatch.setenv("PYTHONHASHSEED", seed)
        result = apart("-s", f"--randomly-seed={seed}", plugins=["randomly"])
        result.assert_outcomes(passed=2)
        lines.append([line.partition("# ")[2] for line in result.outlines if "# " in line])
    assert 103 == len(lines[0])
    assert lines[0] == lines[1]


def test_an_assert_in_the_loop(run):
    """It names the trial, its fault and the line that runs it alone."""
    result = run("""
        import os

        def test_it(fsfault):
            for trial in fsfault.sweep(lambda root: (root / "a").touch(), faults=["EACCES"]):
                with trial as root:
                    os.remove(root / "a")
                assert not (root / "a").exists()
                trial.check_atomic()
    """)
    expected = (
        "E*fsfault: this was trial 1: os.remove a: EACCES, at test_it.py:6; run only this trial: "
        "pytest test_it.py::test_it --fsfault-trial 1 --fsfault-seed *"
    )
    result.stdout.fnmatch_lines([expected])


def test_a_rule_that_never_fired_explains_a_failure(run):
    """A test that fails for want of a fault says why there was none; one that was skipped says nothing."""
    source = """
        import os, pytest

        @pytest.mark.fsfault("os.rename to cache/* -> ERROR_ACCESS_DENIED when first 2")
        def test_it(tmp_path, fsfault):
            os.rename(tmp_path, tmp_path.with_name("b"))
            {}
    """
    for line in ("fsfault.assert_retried('os.rename')", "assert 0"):
        result = run(source.format(line))
        result.stdout.fnmatch_lines(["E*fsfault: `os.rename to cache/[*]` never fired: *"])
    run(source.format("pytest.skip()")).stdout.no_fnmatch_line("*never fired: *1 call*")
