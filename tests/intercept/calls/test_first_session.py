"""An exception from outside, amid the first session of a process: the next session does all that a first one does."""

import subprocess
import sys
from pathlib import Path

import pytest
from skips import linux_fact

pytestmark = linux_fact("each step is a forked process")

# Where the first session makes what the later ones use.
MAKERS = (
    "/late", "/patches", "/fork_hooks", "/audit_hook", "/installation", "/supervisor", "/interceptor", "/time_functions",
)  # fmt: skip


@pytest.mark.parametrize(
    ("apart", "modules"), [(41, MAKERS), pytest.param(1, (), marks=pytest.mark.slow)], ids=["some", "all"]
)
def test_a_first_session_that_is_interrupted(tmp_path, apart, modules):
    """Nothing is left out of the sessions to come: no name, no listener, no child, no wait."""
    script = Path(__file__).with_name("first_session.py")
    command = [sys.executable, str(script), str(tmp_path), str(apart), *modules]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    steps, *lost = done.stdout.splitlines()
    assert int(steps.split()[0]) > apart
    assert [] == lost
