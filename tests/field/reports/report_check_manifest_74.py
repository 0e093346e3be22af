"""A temporary directory has a clone, in which objects are read-only (mgedmin/check-manifest#74)."""

import subprocess
from pathlib import Path

import check_manifest
import pytest


@pytest.mark.fsfault(windows="11")
def test_remove(tmp_path, fsfault, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    words = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-C"]
    with check_manifest.mkdtemp() as directory:
        subprocess.run([*words, directory, "init", "-q", "."], check=True)
        subprocess.run([*words, directory, "commit", "-q", "--allow-empty", "-m", "x"], check=True)
    assert not Path(directory).exists()
    assert fsfault.journal.faults
