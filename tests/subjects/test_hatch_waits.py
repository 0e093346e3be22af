"""Subject P6: hatch 1.18.2 waits for the removal of a directory in which a program is running.

`Path.wait_for_dir_removed` tries ten times, half a second apart, and once more with its errors shown
(src/hatch/utils/fs.py). Hatch waits like this for a Python that it updates or removes.
"""

from __future__ import annotations

import json

import pytest

pytestmark = pytest.mark.slow

SCRIPT = """
import json, os, sys
from hatch.utils.fs import Path
from pytest_fsfault import inject

root = Path(sys.argv[1], "dist")
held = root / "python" / "python.exe"
held.parent.mkdir(parents=True)
for path in (held, root / "python" / "zlib.dll", root / "hatch-dist.json"):
    path.write_bytes(b"MZ")
kind, seconds = json.loads(sys.argv[2])
error = None
with inject(windows="11", roots=[sys.argv[1]]) as fsfault:
    if kind:
        getattr(fsfault.windows(), kind)(held, seconds=seconds)
    try:
        root.wait_for_dir_removed()
    except OSError as caught:
        error = [type(caught).__name__, caught.winerror, os.path.basename(caught.filename)]
    refused = [entry for entry in fsfault.journal.faults if entry.path.endswith("python.exe")]
    found = {"refused": len(refused), "waits": fsfault.clock.slept, "now": fsfault.clock.now}
left = sorted(path.relative_to(root).as_posix() for path in root.rglob("*")) if root.exists() else None
print(json.dumps({**found, "error": error, "left": left}))
"""


@pytest.fixture
def wait(release, tmp_path):
    """Return a function that waits while somebody holds `python.exe` for some seconds; None is for good."""

    def run(kind=None, seconds=None):
        return release("hatch==1.18.2").run(SCRIPT, tmp_path, json.dumps([kind, seconds]))

    return run


def test_nothing_held(wait):
    """The first try removes it; half a second later that is seen."""
    found = wait()
    assert (None, None) == (found["error"], found["left"])
    assert (0, [0.5]) == (found["refused"], found["waits"])


@pytest.mark.parametrize("kind", ["run", "hold"])
@pytest.mark.parametrize(("seconds", "refused", "total"), [(0.25, 1, 1.0), (2, 4, 2.5), (4.25, 9, 5.0)])
def test_a_hold_is_outlasted(wait, kind, seconds, refused, total):
    """The directory is gone half a second of virtual time after the first try that meets no hold."""
    found = wait(kind, seconds)
    assert (None, None) == (found["error"], found["left"])
    assert (refused, [0.5] * (refused + 1)) == (found["refused"], found["waits"])
    assert pytest.approx(total, abs=0.1) == found["now"]


@pytest.mark.parametrize(("kind", "winerror"), [("run", 5), ("hold", 32)])
@pytest.mark.parametrize("seconds", [None, 6])
def test_an_endless_hold(wait, kind, winerror, seconds):
    """After five seconds the error of the eleventh try comes out, and only what is held is left."""
    found = wait(kind, seconds)
    assert ["PermissionError", winerror, "python.exe"] == found["error"]
    assert ["python", "python/python.exe"] == found["left"]
    assert (11, [0.5] * 10) == (found["refused"], found["waits"])
    assert pytest.approx(5.0, abs=0.1) == found["now"]
