"""Whatever interrupts a call of a child, at whatever moment: its next questions are answered right."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_fsfault import inject

SCRIPT = str(Path(__file__).with_name("interrupted.py"))
RULES = ("os.mkdir bad* -> EACCES", "os.mkdir good* -> delay 0ms or never")
KINDS = ("KeyboardInterrupt", "exception", "OSError", "finaliser", "fork", "copy")
# With a fork at each event a run takes a minute: by default only some of them are tried.
STEPS = {"fork": 13, "copy": 29}


def run(root, *arguments):
    """Run the script; return what it says of itself, and how many descriptors it has left open."""
    with inject(*RULES, roots=[root], native=False, strict="all") as fsfault:
        done = subprocess.run(
            [sys.executable, SCRIPT, str(root), *map(str, arguments)],
            capture_output=True,
            text=True,
            check=True,
        )
        refused = [entry.path for entry in fsfault.journal if entry.fault == "EACCES"]
    assert "" == done.stderr
    made = {name for name in os.listdir(root) if "bad" in name}
    assert (set(), True) == (made, len(refused) > 1)
    *told, left = done.stdout.splitlines()
    # The shared page before CPython 3.13, and a connection for each question that was under way at once.
    assert left.count(",") < 4
    return told


@pytest.mark.parametrize("scene", ["call", "wait"])
@pytest.mark.parametrize("kind", KINDS)
def test_something_happens_at_every_event(root, kind, scene):
    """Each line, call and return of our modules in a call that is asked about, and in a wait."""
    (told,) = run(root, kind, scene, 0, STEPS.get(kind, 1))
    count, unit = told.split()
    assert "events" == unit
    assert 100 < int(count)


@pytest.mark.slow
@pytest.mark.parametrize("scene", ["call", "wait"])
@pytest.mark.parametrize("kind", STEPS)
def test_something_happens_at_every_other_event(root, kind, scene):
    """Those that the default run leaves out."""
    (told,) = run(root, kind, scene, 0, 1)
    assert told.endswith(" events")


@pytest.mark.parametrize(
    ("count", "seed"), [(200, 1), pytest.param(5_000, 2, marks=pytest.mark.slow)], ids=["200", "5000"]
)
def test_signals_at_some_moment(root, count, seed):
    """A handler raises; of the calls none is decided by the answer to another."""
    assert [f"{count} signals in calls"] == run(root, "signals", count, seed)
