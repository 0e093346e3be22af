"""The public names: what type checkers see of them, and the version."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import pytest

import pytest_fsfault

ROOT = Path(__file__).parents[2]
RIGHT = "from pytest_fsfault import FsFault, __version__\nprint(FsFault, __version__)\n"
WRONG = "from pytest_fsfault import Jurnal\nx: Jurnal = Jurnal()\n"
CHECKERS = {
    "mypy": ([sys.executable, "-m", "mypy", "--strict"], 'has no attribute "Jurnal"'),
    "pyright": (
        [sys.executable, "-m", "pyright", "--pythonpath", sys.executable],
        '"Jurnal" is unknown import symbol',
    ),
}


@pytest.mark.parametrize("checker", CHECKERS)
def test_a_misspelt_import_is_an_error(tmp_path, checker):
    """A type checker knows the public names, and no others."""
    command, message = CHECKERS[checker]
    if find_spec(checker) is None:
        pytest.skip(f"{checker} is not installed: the type checkers run where the style is checked")
    found = []
    for name, text in (("right.py", RIGHT), ("wrong.py", WRONG)):
        (tmp_path / name).write_text(text)
        found.append(
            subprocess.run([*command, name], cwd=tmp_path, capture_output=True, text=True, check=False)
        )
    right, wrong = found
    assert (0, 1) == (right.returncode, wrong.returncode), right.stdout + right.stderr
    assert message in wrong.stdout


def test_every_public_name_is_there():
    """What `__all__` lists can be imported, and shows where it is imported from."""
    for name in pytest_fsfault.__all__:
        found = getattr(pytest_fsfault, name)
        assert "pytest_fsfault" == getattr(found, "__module__", "pytest_fsfault").partition(".")[0]
    with pytest.raises(AttributeError, match="has no attribute 'Jurnal'"):
        pytest_fsfault.Jurnal  # noqa: B018


def test_version():
    """The package, its metadata and the command line tell one version."""
    assert version("pytest-fsfault") == pytest_fsfault.__version__
    command = [sys.executable, "-m", "pytest_fsfault", "--version"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert f"pytest-fsfault {pytest_fsfault.__version__}\n" == printed


def test_the_version_is_written_once():
    """A release changes one line."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert "version" in project["dynamic"]
    assert "version" not in project
