"""What a test must not change outside its roots, its children must not change either."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from pytest_fsfault import inject

CHANGES = """
import os, sys
place = sys.argv[1]
for name, change in {
    "mkdir": lambda: os.mkdir(place + "/new"),
    "open": lambda: open(place + "/file", "w").close(),
    "rename": lambda: os.rename(place + "/old", place + "/moved"),
    "remove": lambda: os.remove(place + "/old"),
    "read": lambda: open(place + "/old").close(),
}.items():
    try:
        change()
        print(name, "done")
    except OSError as error:
        print(name, error.errno)
"""
TOLD = ["mkdir 13", "open 13", "rename 13", "remove 13", "read done"]


@pytest.fixture
def outside():
    """A directory that is neither below the roots nor for temporary files, with a file in it."""
    with tempfile.TemporaryDirectory(dir=Path.home(), prefix="outside-") as directory:
        (Path(directory) / "old").touch()
        yield Path(directory)


def test_a_child_is_refused_as_its_parent_is(root, outside):
    """It changes nothing, and each attempt fails the test; what it reads it may read."""
    told = []

    def start():
        command = [sys.executable, "-c", CHANGES, str(outside)]
        told.extend(subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines())

    fsfault = None
    with pytest.raises(AssertionError) as failure:  # the inner one is the subject
        with inject(roots=[root], outside="refuse", native=False) as fsfault:
            start()
    assert told == TOLD
    assert ["old"] == os.listdir(outside)
    assert 4 == str(failure.value).count("is outside the roots, and was not changed, at <string>:")
    entries = [(entry.operation, entry.outcome, entry.fault) for entry in fsfault.journal]
    assert [(name, "raised", "EACCES") for name in ("os.mkdir", "open", "os.rename", "os.remove")] == entries
    assert {os.getpid()}.isdisjoint({entry.process for entry in fsfault.journal})


def test_a_child_may_write_below_the_roots_and_where_temporary_files_are(root, python):
    """Nothing is refused, nothing is told."""
    code = "import sys, tempfile\nopen(sys.argv[1] + '/a', 'w').close()\ntempfile.TemporaryFile().close()\nprint('done')"
    with inject(roots=[root], outside="refuse", native=False) as fsfault:
        assert "done\n" == python(code, root)
        assert [] == list(fsfault.journal)


def test_without_it_a_child_may_write_everywhere(root, outside, python):
    """Unset, it costs nothing."""
    with inject(roots=[root], native=False):
        told = python(CHANGES, outside)
    assert ["mkdir done", "open done", "rename done"] == told.splitlines()[:3]
