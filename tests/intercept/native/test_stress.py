"""The trials of `stress.py`: a few of them in each run, five thousand with `-m slow`, side by side under xdist."""

import subprocess
import sys
from pathlib import Path

import pytest

FEW, MANY, TOGETHER = 100, 5_000, 350


def stress(count, first):
    """Run trials, each with a luck of its own, in a process that has nothing else to do."""
    # Python 3.13 looks for other threads once those that stood still for the fork run again.
    ignored = "ignore:This process:DeprecationWarning"
    stress_py = str(Path(__file__).with_name("stress.py"))
    command = [sys.executable, "-W", ignored, stress_py, str(count), str(first)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (0, "nothing was wrong\n", "") == (done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("first", range(0, FEW, 25))
def test_whatever_happens_in_between(first):
    """No hang, no call twice, no child, descriptor or thread left; nothing goes wrong with who answers."""
    stress(25, first)


@pytest.mark.slow
@pytest.mark.parametrize("first", range(FEW, MANY, TOGETHER))
def test_the_same_five_thousand_times(first):
    """However long it takes."""
    stress(TOGETHER, first)
