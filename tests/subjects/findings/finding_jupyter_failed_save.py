"""Saving a notebook fails half-way, while a scanner reads it."""

import pytest
from jupyter_server.services.contents.fileio import atomic_writing


@pytest.mark.fsfault(windows="11")
def test_a_failed_save_leaves_the_old_notebook(tmp_path, fsfault):
    note = tmp_path / "note.ipynb"
    note.write_text("old")
    with pytest.raises(ValueError, match="no JSON"), atomic_writing(str(note)) as file:
        file.write("half")
        fsfault.windows().hold(note, seconds=0.2)
        raise ValueError("no JSON")
    assert note.read_text() == "old"
