"""A scratch directory is removed while it is the current one (materialyzeai/monty#34)."""

import pytest
from monty.tempfile import ScratchDir


@pytest.mark.fsfault(windows="11")
def test_scratch(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "scratch").mkdir()
    with ScratchDir(str(tmp_path / "scratch")) as directory:
        with open("result.txt", "w") as file:
            file.write(directory)
    assert not list((tmp_path / "scratch").iterdir())
