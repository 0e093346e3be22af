"""A template is cloned again, and the old clone removed (cookiecutter/cookiecutter#226)."""

import subprocess

import pytest
from cookiecutter import vcs


@pytest.mark.fsfault(windows="11")
def test_again(tmp_path, monkeypatch, fsfault):
    monkeypatch.setattr("builtins.input", lambda *text: "yes")
    words = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run([*words, "init", "-q", "x.git"], check=True)
    subprocess.run([*words, "-C", "x.git", "commit", "-q", "--allow-empty", "-m", "x"], check=True)
    for _ in range(2):
        clone = vcs.clone(str(tmp_path / "x.git"), clone_to_dir=str(tmp_path / "clones"))
    assert (tmp_path / "clones/x/.git").is_dir(), clone
    assert fsfault.journal.faults
