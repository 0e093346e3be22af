"""A program in the trash is still running, and the trash is emptied (pypa/pipx#1847)."""

import subprocess
import sys

import pytest


@pytest.mark.fsfault(windows="11")
def test_next_command(tmp_path, fsfault, monkeypatch):
    monkeypatch.setenv("PIPX_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PIPX_BIN_DIR", str(tmp_path / "bin"))
    subprocess.run([sys.executable, "-m", "pipx", "list"], check=True)
    trash = tmp_path / "home/trash" if (tmp_path / "home/trash").is_dir() else tmp_path / "home/.trash"
    (trash / "x").mkdir(parents=True, exist_ok=True)
    (trash / "x/service.exe").write_bytes(b"MZ")
    fsfault.windows().run(trash / "x/service.exe")
    done = subprocess.run([sys.executable, "-m", "pipx", "list"], check=False, capture_output=True, text=True)
    assert 0 == done.returncode, done.stderr
