"""What the tests of native programs share: all of them need Linux and a kernel that asks."""

import subprocess
import sys

import pytest


def _why_not():
    if sys.platform != "linux":
        return "for Linux alone"
    from pytest_fsfault._intercept.native.possible import why_not

    return why_not()


def pytest_collection_modifyitems(items):
    """Leave these out where the kernel does not ask: the sentence says why."""
    reason = _why_not()
    if reason:
        for item in items:
            if "intercept/native" in str(item.path).replace("\\", "/"):
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture
def root(tmp_path):
    """A directory that is watched."""
    path = tmp_path / "root"
    path.mkdir()
    return path


@pytest.fixture
def sh(root):
    """Run a line of the shell in the root; return its exit status."""

    def run(line, **options):
        return subprocess.run(
            ["sh", "-c", line], cwd=root, check=False, stderr=subprocess.DEVNULL, **options
        ).returncode

    return run
