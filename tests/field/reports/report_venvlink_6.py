"""An environment is removed while a scanner reads one of its files (fohrloop/venvlink#6)."""

from pathlib import Path

import pytest
from venvlink import VenvLink


@pytest.mark.fsfault
def test_delete_env(tmp_path, fsfault, monkeypatch):
    fsfault.windows("server-2019").scanner("defender", hold="500ms", on="*.exe")
    monkeypatch.setattr(VenvLink, "venv_folder", tmp_path, raising=False)
    (tmp_path / "my-env/Scripts").mkdir(parents=True)
    (tmp_path / "my-env/Scripts/python.exe").write_bytes(b"MZ")
    VenvLink.delete_env(VenvLink.__new__(VenvLink), "my-env")
    assert not Path(tmp_path / "my-env").exists()
