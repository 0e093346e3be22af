"""What the tests of native programs share: all of them need Linux and a kernel that asks."""

import subprocess
import sys

import pytest

from .releases import UV, WHEELS, Uv, download, make_interpreter, unpack_uv


def _why_not():
    if sys.platform != "linux":
        return "POSIX fact, of Linux alone: seccomp(2) asks about what native programs do"
    from pytest_fsfault._intercept.native.possible import why_not

    return why_not()


def pytest_collection_modifyitems(items):
    """Leave these out where the kernel does not ask: the sentence says why."""
    reason = _why_not()
    if reason:
        for item in items:
            if "intercept/native" in str(item.path).replace("\\", "/"):
                item.add_marker(pytest.mark.skipif(True, reason=reason), append=False)


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


@pytest.fixture(scope="session")
def release(tmp_path_factory):
    """The program uv, the directory of the wheels, and an interpreter that no test is sorry for."""
    directory = tmp_path_factory.mktemp("releases")
    wheels = directory / "wheels"
    wheels.mkdir()
    download(directory, UV)
    download(wheels, *WHEELS)
    return unpack_uv(directory), wheels, make_interpreter(directory / "interpreter")


@pytest.fixture
def uv(release, root):
    """An uv with a new environment."""
    made = Uv(*release, root)
    made.venv()
    return made


@pytest.fixture
def no_passing_directories(root, monkeypatch):
    """The directory for temporary files, where tests have theirs, is watched by the guard like any other."""
    monkeypatch.setenv("TMPDIR", str(root))
    monkeypatch.setattr("pytest_fsfault._session.session.passing_directories", lambda _roots: (str(root),))
