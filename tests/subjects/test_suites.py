"""What foreign suites pay is measured only where they run: the script says of the others why it leaves them out."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "suites.py"


@pytest.fixture
def suites(monkeypatch):
    """Import the script."""
    monkeypatch.syspath_prepend(SCRIPT.parent)
    return import_module("suites")


GOOD = "95 passed, 5 failed, 3 skipped, 7 deselected, 2 warnings in 10.02s"
UNFIT = {
    "errors alone": ("plain", "12 errors in 0.52s", "plain: 0 of 12 tests pass: 12 errors in 0.52s"),
    "the first error": ("plain", "1 error in 0.52s", "plain: 0 of 1 tests pass: 1 error in 0.52s"),
    "nothing": ("plain", "no tests ran in 0.01s", "plain: 0 of 0 tests pass: no tests ran in 0.01s"),
    "skipped alone": ("plain", "9 skipped in 0.01s", "plain: 0 of 0 tests pass: 9 skipped in 0.01s"),
    "too many failures": (
        "plain",
        "89 passed, 11 failed in 3.00s",
        "plain: 89 of 100 tests pass: 89 passed, 11 failed in 3.00s",
    ),
    "cut off": ("observe", "40 passed in 3.00s", f"observe: 40 passed in 3.00s, but plain: {GOOD}"),
}
FIT = {
    "plain": ("plain", GOOD),
    "observe": ("observe", GOOD),
    "failures under faults": ("fsfault", "60 passed, 40 failed, 3 skipped, 40 errors in 20.00s"),
}


@pytest.mark.parametrize("case", UNFIT)
def test_a_run_that_is_no_measurement_is_left_out(suites, case):
    """With the reason: what only errors takes no time that could be compared."""
    variant, last, reason = UNFIT[case]
    assert reason == suites.unfit(variant, last, GOOD)
    with pytest.raises(RuntimeError):
        suites.check(variant, last, GOOD)


@pytest.mark.parametrize("case", FIT)
def test_a_run_of_all_tests_is_one(suites, case):
    """Whatever faults make of its outcomes."""
    variant, last = FIT[case]
    assert suites.unfit(variant, last, GOOD) is None


class Failing:
    """A suite that runs in no time, and only errs."""

    name = "diskcache"

    def prepare(self):
        """Do nothing: it is there."""

    def run(self, variant):
        """Return nothing of time, and pytest's last line."""
        return None, "1 error in 0.52s"


def test_the_script_says_what_it_leaves_out(suites, monkeypatch, capsys):
    """In the line of the suite; its exit status is 1, and no median counts it."""
    monkeypatch.setattr(suites, "Subject", lambda _name, _directory: Failing())
    monkeypatch.setattr("sys.argv", ["suites.py", "--only", "diskcache"])
    assert 1 == suites.main()
    assert (
        "diskcache      not measured: plain: 0 of 1 tests pass: 1 error in 0.52s\n" == capsys.readouterr().out
    )


class Running:
    """A suite that takes twice the time under `observe`, and three times the processor's; all else four times."""

    name = "diskcache"

    def __init__(self, suites):
        self.took = {"plain": suites.Took(1.0, 0.5), "observe": suites.Took(2.0, 1.5)}
        self.other = suites.Took(4.0, 2.0)

    def prepare(self):
        """Do nothing: it is there."""

    def run(self, variant):
        """Return what the run took, and pytest's last line."""
        return self.took.get(variant, self.other), GOOD


def test_the_script_prints_ratios_of_time_and_of_processor_time(suites, monkeypatch, capsys):
    """Of each variant to the plain run of its round, and their medians at the end."""
    monkeypatch.setattr(suites, "Subject", lambda _name, _directory: Running(suites))
    monkeypatch.setattr("sys.argv", ["suites.py", "--only", "diskcache"])
    assert 0 == suites.main()
    line, observe, fsfault = capsys.readouterr().out.splitlines()
    assert f"diskcache          1.0 s  observe 2.00x (3.00x)  fsfault 4.00x (4.00x)   {GOOD}" == line
    assert "observe: in the median of 1 suites 2.00x (3.00x)" == observe
    assert "fsfault: in the median of 1 suites 4.00x (4.00x)" == fsfault


def test_where_no_processor_time_is_told_its_ratio_is_zero(suites):
    """As on Windows: never a division by nothing."""
    assert suites.Took(2.0, 0.0) == suites.ratio_of(suites.Took(2.0, 0.0), suites.Took(1.0, 0.0))
