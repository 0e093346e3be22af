"""An exception from outside, amid the first session of a process: the next session does all that a first one does."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a POSIX fact: each step is a forked process")


@pytest.mark.parametrize(
    "steps", [(5300, 7300, 211), pytest.param((1, 60_000, 7), marks=pytest.mark.slow)], ids=["some", "many"]
)
def test_a_first_session_that_is_interrupted(tmp_path, steps):
    """Nothing is left out of the sessions to come: no name, no listener, no child, no wait."""
    script = Path(__file__).with_name("first_session.py")
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path), *map(str, steps)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "" == done.stdout
