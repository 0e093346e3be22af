"""The proof that standing in between changes nothing runs with one command, and knows a difference when there is one."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "transparency.py"


@pytest.fixture
def transparency(monkeypatch):
    """Import the script."""
    monkeypatch.syspath_prepend(SCRIPT.parent)
    return import_module("transparency")


def compare(*arguments):
    """Run the script, and return its exit status and its lines after the first."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    environment.pop("PYTHONSAFEPATH", None)  # it imports what lies beside it
    done = subprocess.run(
        [sys.executable, SCRIPT, *arguments], capture_output=True, text=True, check=False, env=environment
    )
    assert "" == done.stderr
    return done.returncode, done.stdout.splitlines()[1:]


@pytest.mark.slow
@pytest.mark.parametrize("clock", ["virtual", "real"])
def test_the_tests_of_a_module_of_cpython_end_as_without_the_plugin(clock):
    """Every operation is recorded, none refused, and the script says in one line that nothing differs."""
    pytest.importorskip("test.test_glob", reason="this interpreter ships without its own tests")
    status, (line,) = compare("--only", "glob", "--clock", clock)
    name, tests, _, operations, *_ = line.split()
    assert "glob" == name
    assert int(tests) > 10
    assert int(operations.replace(",", "")) > 1000
    assert line.endswith("operations   differences: none")
    assert 0 == status


FAST_COPY = "test.test_shutil.TestZeroCopySendfile.test_regular_copy"
TIMER = "test.test_os.TimerfdTests.test_timerfd_poll"

# What each run without the plugin and with it has left; what is said of it under the virtual clock; and whether
# nothing has been changed, under either clock.
VERDICTS = {
    "the same": ([{"a": "passed"}], [{"a": "passed"}], "none", (True, True)),
    "the same failure": ([{"a": "failed"}], [{"a": "failed"}], "none", (True, True)),
    "another outcome": ([{"a": "passed"}], [{"a": "failed"}], "1 UNEXPLAINED", (False, False)),
    "a test too few": ([{"a": "passed", "b": "passed"}], [{"a": "passed"}], "1 UNEXPLAINED", (False, False)),
    "a subtest that fails": ([{"a": "passed"}], [{"a": "passed", "b": "failed"}], "1 UNEXPLAINED", (False, False)),
    "always another outcome": (
        [{"a": "passed"}, {"a": "skipped"}], [{"a": "failed"}, {"a": "failed"}], "1 UNEXPLAINED", (False, False),
    ),
    "sometimes another outcome": (
        [{"a": "passed"}, {"a": "failed"}], [{"a": "failed"}, {"a": "failed"}], "1 unsteady", (True, True),
    ),
    "another outcome with the plugin alone": (
        [{"a": "passed"}, {"a": "passed"}], [{"a": "failed"}, {"a": "passed"}], "1 UNEXPLAINED", (False, False),
    ),
    "one more outcome with the plugin": (
        [{"a": "passed"}, {"a": "failed"}], [{"a": "skipped"}, {"a": "passed"}], "1 UNEXPLAINED", (False, False),
    ),
    "a reason": ([{FAST_COPY: "passed"}], [{FAST_COPY: "failed"}], "1 explained", (True, True)),
    "a reason of virtual time": ([{TIMER: "passed"}], [{TIMER: "failed"}], "1 explained", (True, False)),
}  # fmt: skip


@pytest.mark.parametrize("what", VERDICTS)
def test_a_difference_without_a_reason_is_told(what, transparency):
    """Outcomes are compared test by test, over all runs."""
    without, observed, said, good = VERDICTS[what]
    runs = [[transparency.Run(found, {}, 7, 0, "", True) for found in each] for each in (without, observed)]
    virtual, real = [transparency.judge("glob", clock, *runs) for clock in ("virtual", "real")]
    assert str(virtual).endswith(f"differences: {said}")
    assert good == (virtual.good, real.good)


UNPROVED = {
    "nothing recorded": ({"recorded": 0}, "NOTHING RECORDED"),
    "something refused": ({"refused": 2}, "2 REFUSED"),
    "an early end": ({"ended": False, "output": "killed"}, "1 UNEXPLAINED"),
}


@pytest.mark.parametrize("what", UNPROVED)
def test_a_run_that_proves_nothing_is_told(what, transparency):
    """No operation was recorded, one was refused, or the run broke off."""
    changed, said = UNPROVED[what]
    run = transparency.Run({"a": "passed"}, {}, 7, 0, "", True)
    comparison = transparency.judge("glob", "virtual", [run], [run._replace(**changed)])
    assert str(comparison).endswith(f"differences: {said}")
    assert not comparison.good


@pytest.mark.parametrize(
    ("plain", "left", "unsteady"),
    [(["passed"] * 5 + ["failed"], 0, True), (["passed"] * 20, 7, False)],
    ids=["plain runs differ as well", "they do not"],
)
def test_plain_runs_are_repeated_until_they_differ_too(
    transparency, tmp_path, monkeypatch, plain, left, unsteady
):
    """A test that has failed once with the plugin alone is unsteady only if it fails without it as well."""
    subject = transparency.Subject("glob", tmp_path / "glob", "virtual")
    outcomes = {False: plain, True: ["failed", "passed", "passed"]}

    def run(*, observed):
        return transparency.Run({"a": outcomes[observed].pop(0)}, {}, 7, 0, "", True)

    monkeypatch.setattr(subject, "run", run)
    found = subject.compare()
    assert (unsteady, left) == (found.good, len(plain))
    assert ["a"] * unsteady == found.unsteady
