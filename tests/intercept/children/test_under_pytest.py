"""What users see of child processes: options, summary, JSON, workers."""

import json
import sys

import pytest

MODULE = """
    import subprocess, sys
    import pytest

    CODE = '''
    import os, sys, time
    for attempt in range(5):
        try:
            os.rename(sys.argv[1], sys.argv[1] + "x")
            break
        except PermissionError:
            time.sleep(1)
    '''

    @pytest.mark.fsfault("os.rename -> ERROR_ACCESS_DENIED when first 2 or never", clock="virtual")
    @pytest.mark.parametrize("number", range(4))
    def test_it(tmp_path, fsfault, number):
        (tmp_path / "a").touch()
        subprocess.run([sys.executable, "-c", CODE, tmp_path / "a"], check=True)
        assert (tmp_path / "ax").exists()
        assert COUNT == len(fsfault.journal)
"""


@pytest.fixture
def run(pytester, apart):
    """Run a module with options, and return the result and its JSON."""

    def run(module, *options, count=3):
        pytester.makepyfile(module.replace("COUNT", str(count)))
        result = apart("--fsfault-json=found.json", *options, plugins=["xdist"] if "-n" in options else ())
        return result, json.loads((pytester.path / "found.json").read_text())

    return run


@pytest.mark.parametrize("workers", [[], ["-n", "2"]])
def test_the_summary_counts_children(run, workers):
    """Faults, retries and waits of theirs are those of their test, on a worker of xdist too."""
    result, found = run(MODULE, *workers)
    result.assert_outcomes(passed=4)
    result.stdout.fnmatch_lines(
        [
            "4 tests under fault, 8 faults*",
            "*8  os.rename  ERROR_ACCESS_DENIED",
            "retried: 4 files, at most 3 attempts",
            "child processes: 4",
            "waits skipped: 8 s; the tests took * s",
        ]
    )
    assert [(True, "")] == [(one["reached"], one["reason"]) for one in found["tests"][0]["processes"]]
    assert (4, []) == (found["totals"]["processes"], found["totals"]["unreached"])


OFF = {
    "marker": ('"virtual"', '"virtual", children=False', ()),
    "ini": ("", "", ("-o", "fsfault_children=false")),
}


@pytest.mark.parametrize("place", OFF)
def test_children_can_be_left_alone(run, place):
    """By the marker, or for all tests by the ini file."""
    before, after, options = OFF[place]
    result, found = run(MODULE.replace(before, after) if before else MODULE, *options, count=0)
    result.assert_outcomes(passed=4)
    assert 0 == found["totals"]["faults"]


def test_a_profile_can_leave_children_alone(run, pytester):
    """And a marker within it can reach them again."""
    pytester.makepyprojecttoml("[tool.fsfault.profiles.mine]\nchildren = false")
    result, _ = run(MODULE, "--fsfault-profile=mine", count=0)
    result.assert_outcomes(passed=4)
    result, _ = run(MODULE.replace('"virtual"', '"virtual", children=True'), "--fsfault-profile=mine")
    result.assert_outcomes(passed=4)


def test_the_summary_names_what_was_out_of_reach(run):
    """With the reason, once for each."""
    module = MODULE.replace("[sys.executable", "[sys.executable, '-S'")
    result, found = run(module, "-o", "fsfault_native=false", count=0)
    result.assert_outcomes(passed=4)
    result.stdout.fnmatch_lines(
        [
            "child processes: 4, 4 without faults:",
            "  no fault reached `* -S -c import os*, started at *.py:*: with -S Python loads nothing of ours (4 times)",
        ]
    )
    assert 4 == sum(one["count"] for one in found["totals"]["unreached"])


@pytest.mark.fsfault("os.rename -> ERROR_ACCESS_DENIED or never")
def test_a_pytest_within_a_test_is_a_child_like_any_other(pytester, apart):
    """It runs undisturbed, and its own sessions come first."""
    pytester.makepyfile(MODULE.replace("COUNT", "3"))
    result = apart(f"--basetemp={pytester.path / 'base'}")
    result.assert_outcomes(passed=4)
    result.stdout.fnmatch_lines(["4 tests under fault, 8 faults*"])


def test_hypothesis_starts_children(root):
    """One for each example, and nothing of one is left for the next."""
    import subprocess

    from hypothesis import HealthCheck, given, settings
    from hypothesis import strategies as st

    from pytest_fsfault import inject

    code = "import os, sys\ntry: os.mkdir(sys.argv[1])\nexcept OSError as error: print(error.errno)"

    @settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(st.sampled_from([(13, "EACCES"), (28, "ENOSPC")]))
    def check(case):
        number, name = case
        with inject(f"os.mkdir -> {name}", roots=[root]) as fsfault:
            done = subprocess.run(
                [sys.executable, "-c", code, root / "a"], capture_output=True, text=True, check=True
            )
            assert f"{number}\n" == done.stdout
            assert 1 == len(fsfault.journal)

    check()
