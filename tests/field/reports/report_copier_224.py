"""The clone of a template is removed, with git's read-only objects in it (copier-org/copier#224)."""

import shutil
import subprocess

import pytest


@pytest.mark.fsfault(windows="11")
def test_remove_a_clone(tmp_path):
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b"]
    for more in (
        ["init", "-q", "s"],
        ["-C", "s", "commit", "-q", "--allow-empty", "-m", "x"],
        ["clone", "-q", "s", "t"],
    ):
        subprocess.run(git + more, check=True)
    shutil.rmtree(tmp_path / "t")
