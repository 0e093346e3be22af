"""A cache makes symbolic links, which an ordinary user may not (huggingface/huggingface_hub#1062)."""

import pytest
from huggingface_hub import file_download


@pytest.mark.fsfault(windows="11")
def test_pointer(tmp_path):
    (tmp_path / "blobs").mkdir()
    (tmp_path / "snapshots").mkdir()
    (tmp_path / "blobs/abc").write_text("weights")
    source, pointer = str(tmp_path / "blobs/abc"), str(tmp_path / "snapshots/model.bin")
    if hasattr(file_download, "_create_relative_symlink"):
        file_download._create_relative_symlink(source, pointer)
    else:
        file_download._create_symlink(source, pointer, True)
    assert (tmp_path / "snapshots/model.bin").read_text() == "weights"
