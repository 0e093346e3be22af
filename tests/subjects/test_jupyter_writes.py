"""Subject P7: jupyter_server 2.21.1 saves a notebook, and a fault meets the copy that it makes beforehand.

`atomic_writing` copies the file to `.~` and its name, writes into the file itself, and then removes the copy, or
puts it back if the body has failed (jupyter_server/services/contents/fileio.py). It tries neither a second time.
"""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.slow

SCRIPT = """
import json, os, sys
from pathlib import Path
from jupyter_server.services.contents.fileio import atomic_writing
from pytest_fsfault import inject

root, body, kind, text = sys.argv[1:]
path = Path(root, "note.ipynb")
path.write_text("old")
error = None
with inject(*[text] * (kind == "rule"), windows="11", roots=[root]) as fsfault:
    if kind == "scanner":
        fsfault.windows().hold(on=text)
    try:
        with atomic_writing(str(path)) as file:
            file.write("new")
            if body == "fails":
                raise ValueError("the body")
    except Exception as caught:
        error = [type(caught).__name__, getattr(caught, "winerror", None), str(caught.__context__)]
    waits = fsfault.clock.slept
files = {path.name: path.read_text() for path in Path(root).iterdir()}
print(json.dumps({"error": error, "files": files, "waits": waits}))
"""


@pytest.fixture
def save(release, tmp_path):
    """Return a function that saves "new" over "old", with a body that ends or fails, under a fault."""
    root = tmp_path / "notebooks"
    root.mkdir()

    def run(body, kind="none", text=""):
        return release("jupyter_server==2.21.1").run(SCRIPT, root, body, kind, text)

    return run


@pytest.mark.parametrize(
    ("body", "error", "content"),
    [("ends", None, "new"), ("fails", ["ValueError", None, "None"], "old")],
)
def test_no_fault(save, body, error, content):
    """The new content is saved, or after a failed body the old one put back; no copy is left."""
    found = save(body)
    assert error == found["error"]
    assert {"note.ipynb": content} == found["files"]


@pytest.mark.parametrize(("kind", "text"), [("scanner", ".~*"), ("rule", "delete .~* -> WinError 32")])
def test_the_copy_cannot_be_removed(save, kind, text):
    """It raises although the new content is saved, and leaves the copy behind."""
    found = save("ends", kind, text)
    assert ["PermissionError", 32, "None"] == found["error"]
    assert {"note.ipynb": "new", ".~note.ipynb": "old"} == found["files"]
    assert [] == found["waits"]


@pytest.mark.parametrize(
    ("kind", "text"), [("scanner", "note.ipynb"), ("rule", "os.replace .~* -> WinError 5")]
)
def test_the_copy_cannot_be_put_back(save, kind, text):
    """The new content stays although its body has failed, whose error is behind the refusal's."""
    found = save("fails", kind, text)
    assert ["PermissionError", 5, "the body"] == found["error"]
    assert {"note.ipynb": "new", ".~note.ipynb": "old"} == found["files"]
    assert [] == found["waits"]
