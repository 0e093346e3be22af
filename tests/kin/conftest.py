"""What the tests of child processes share."""

import subprocess
import sys

import pytest


@pytest.fixture
def root(tmp_path):
    """A directory of its own, so that nothing else is watched."""
    found = tmp_path / "root"
    found.mkdir()
    return found


@pytest.fixture
def python():
    """Run code in a child, and return what it has printed."""

    def run(code, *arguments, **options):
        done = subprocess.run(
            [sys.executable, "-c", code, *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
            **options,
        )
        assert "" == done.stderr
        return done.stdout

    return run
