"""git writes an index to the name of a temporary file that is still open (gitpython-developers/GitPython#1630)."""

import subprocess

import git
import pytest


@pytest.mark.fsfault(windows="11")
def test_reset(tmp_path, fsfault):
    fsfault.windows().pretend("git.index.base")
    words = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run([*words, "init", "-q", "."], check=True)
    subprocess.run([*words, "commit", "-q", "--allow-empty", "-m", "x"], check=True)
    index = git.IndexFile.from_tree(git.Repo(tmp_path), "HEAD")
    assert not index.entries
