"""A clone is removed while its Repo object is alive (jelmer/dulwich#584)."""

import shutil
import subprocess

import pytest
from dulwich.repo import Repo


@pytest.fixture
def source(tmp_path):
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b"]
    for words in (
        ["init", "-q", "s"],
        ["-C", "s", "commit", "-q", "--allow-empty", "-m", "x"],
        ["-C", "s", "gc", "-q"],
    ):
        subprocess.run(git + words, check=True)
    return tmp_path / "s"


@pytest.mark.fsfault(windows="11")
def test_remove(source):
    repo = Repo(str(source))
    print(repo[repo.head()])
    shutil.rmtree(
        source / ".git/objects/pack", onerror=lambda f, p, e: (__import__("os").chmod(p, 0o600), f(p))
    )
