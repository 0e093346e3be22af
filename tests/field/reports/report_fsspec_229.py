"""A transaction renames a temporary file whose mkstemp descriptor is open (fsspec/filesystem_spec#229)."""

import pytest
from fsspec.implementations.local import LocalFileSystem


@pytest.mark.fsfault(windows="11")
def test_transaction(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    files = LocalFileSystem()
    with files.transaction:
        with files.open(str(tmp_path / "data.txt"), "w") as file:
            file.write("new")
    assert (tmp_path / "data.txt").read_text() == "new"
