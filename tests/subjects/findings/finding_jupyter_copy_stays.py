"""A scanner reads the copy that jupyter_server makes of a notebook before it saves it."""

import pytest
from jupyter_server.services.contents.fileio import atomic_writing


@pytest.mark.fsfault(windows="11")
def test_a_notebook_is_saved(tmp_path, fsfault):
    note = tmp_path / "note.ipynb"
    note.write_text("old")
    fsfault.windows().hold(on=".~*", seconds=0.2)
    with atomic_writing(str(note)) as file:
        file.write("new")
    assert note.read_text() == "new"
    assert list(tmp_path.iterdir()) == [note]
