"""ClearML moves an artifact out of its directory while a scanner reads it for a second."""

from types import SimpleNamespace

import pytest
from clearml.binding.artifacts import Artifacts


@pytest.mark.fsfault(windows="11")
def test_an_artifact_is_moved(tmp_path, monkeypatch, fsfault):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    file = tmp_path / "folder/artifact.csv"
    file.parent.mkdir()
    file.write_text("1,2\n")
    artifacts = SimpleNamespace(
        _temp_files_lookup={str(file): (str(file.parent), "artifact", ".csv")},
        _max_tmp_file_replace_attemps=Artifacts._max_tmp_file_replace_attemps,
    )
    fsfault.windows().hold(file, access="r", share="rw", seconds=1)
    assert Artifacts._pop_temp_file(artifacts, str(file))
