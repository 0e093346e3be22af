"""An atomic save renames its part file onto the file that it replaces (mahmoud/boltons#60)."""

import pytest
from boltons.fileutils import atomic_save


@pytest.mark.fsfault(windows="11")
def test_overwrite(tmp_path):
    (tmp_path / "requirements.txt").write_text("old")
    with atomic_save(str(tmp_path / "requirements.txt")) as file:
        file.write(b"new")
    assert (tmp_path / "requirements.txt").read_text() == "new"
