"""Subject P8: tox 4.67 empties a directory of which somebody has a file open, or one is read-only."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.slow

SCRIPT = """
import json, os, sys
from pathlib import Path
from tox.util.path import ensure_empty_dir
from pytest_fsfault import inject

root = Path(sys.argv[1], "env")
(root / "sub").mkdir(parents=True)
for name in ("top", "sub/held", "sub/other"):
    (root / name).write_text(name)
held = sys.argv[2]
error = None
with inject(windows="11", roots=[root]) as fsfault:
    if held == "read-only":
        fsfault.windows().set_attributes(root / "sub/held", readonly=True)
    else:
        fsfault.windows().hold(root / held)
    try:
        ensure_empty_dir(root)
    except OSError as caught:
        error = caught.winerror
left = sorted(path.relative_to(root).as_posix() for path in root.rglob("*"))
print(json.dumps({"error": error, "left": left}))
"""


@pytest.mark.parametrize(
    ("held", "error", "left"),
    [
        ("sub/held", None, ["sub", "sub/held"]),
        ("top", 32, ["top"]),
        ("read-only", None, []),
    ],
)
def test_a_held_file(release, tmp_path, held, error, left):
    """A nested one stays without a word, one at the top raises, a read-only one is cleared and goes."""
    found = release("tox==4.67.0").run(SCRIPT, tmp_path, held)
    assert error == found["error"]
    assert left == found["left"]
