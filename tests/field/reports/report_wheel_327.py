"""A wheel is built from sources that are read-only (pypa/wheel#327)."""

import os
import subprocess
import sys

import pytest

SETUP = "from setuptools import setup; setup(name='p', packages=['p'], package_data={'p': ['*.txt']})"


@pytest.mark.fsfault(windows="11")
def test_build(tmp_path, fsfault):
    (tmp_path / "p").mkdir()
    (tmp_path / "setup.py").write_text(SETUP)
    (tmp_path / "p/__init__.py").touch()
    (tmp_path / "p/a.txt").write_text("text")
    os.chmod(tmp_path / "p/a.txt", 0o444)
    done = subprocess.run(
        [sys.executable, "setup.py", "bdist_wheel"], cwd=tmp_path, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert fsfault.journal.faults
