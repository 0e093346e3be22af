"""A few of the trials of `stress.py`; all of them run by hand."""

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize("first", [0, 20])
def test_whatever_happens_in_between(first):
    """No hang, no call twice, no child, descriptor or thread left; nothing goes wrong with who answers."""
    command = [sys.executable, str(Path(__file__).with_name("stress.py")), "20", str(first)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (0, "nothing was wrong\n", "") == (done.returncode, done.stdout, done.stderr)
