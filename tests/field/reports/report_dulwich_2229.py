"""A repack removes objects that git has made read-only (jelmer/dulwich#2229)."""

import subprocess
from pathlib import Path

import pytest
from dulwich import porcelain


@pytest.fixture
def repository(tmp_path):
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run(git + ["init", "-q", "s"], check=True)
    subprocess.run(git + ["-C", "s", "commit", "-q", "--allow-empty", "-m", "x"], check=True)
    return str(tmp_path / "s")


@pytest.mark.fsfault(windows="11")
def test_gc(repository, fsfault):
    fsfault.windows().pretend("dulwich.object_store")
    porcelain.repack(repository)
    assert not list((Path(repository) / ".git/objects").glob("??/*"))
