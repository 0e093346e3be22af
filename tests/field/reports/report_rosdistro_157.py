"""A repository was cloned for its manifest, and is removed (ros-infrastructure/rosdistro#157)."""

import subprocess

import pytest
from rosdistro.manifest_provider import git as provider


@pytest.mark.fsfault(windows="11")
def test_clone(tmp_path, fsfault, monkeypatch):
    fsfault.windows().pretend("rosdistro.common")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temp"))
    (tmp_path / "temp").mkdir()
    words = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run([*words, "init", "-q", "-b", "main", "x"], check=True)
    (tmp_path / "x/package.xml").write_text("<package><name>p</name></package>")
    subprocess.run([*words, "-C", "x", "add", "."], check=True)
    subprocess.run([*words, "-C", "x", "commit", "-q", "-m", "x"], check=True)
    with provider._temp_git_clone(str(tmp_path / "x"), "main"):
        pass
    assert not list((tmp_path / "temp").iterdir())
    assert fsfault.journal.faults
