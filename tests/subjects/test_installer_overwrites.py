"""Subject P9: installer 1.1.0 installs over an older version whose extension is loaded."""

from __future__ import annotations

import pytest
from released import demo

pytestmark = pytest.mark.slow

SCRIPT = """
import json, os, sys
from pathlib import Path
from installer import install
from installer.destinations import SchemeDictionaryDestination
from installer.sources import WheelFile
from pytest_fsfault import inject

root, old, new = sys.argv[1:]
schemes = {name: os.path.join(root, name) for name in ("purelib", "platlib", "scripts", "headers", "data")}

def go(wheel):
    with WheelFile.open(wheel) as source:
        target = SchemeDictionaryDestination(schemes, sys.executable, "posix", overwrite_existing=True)
        install(source, target, {})

go(old)
package = Path(root, "purelib", "demo")
with inject(windows="11", roots=[root]) as fsfault:
    fsfault.windows().load(package / "_ext.pyd")
    try:
        go(new)
    except OSError as caught:
        error = [type(caught).__name__, caught.errno, caught.winerror, Path(caught.filename).name]
mixed = {path.name: "2.0" in path.read_text() for path in package.iterdir() if path.is_file()}
print(json.dumps({"error": error, "mixed": mixed}))
"""


def test_a_loaded_extension(release, tmp_path):
    """It fails half-way, and leaves a mix of both versions."""
    wheels = [demo(tmp_path, number) for number in ("1.0", "2.0")]
    found = release("installer==1.1.0").run(SCRIPT, tmp_path / "site", *wheels)
    assert ["PermissionError", 13, None, "_ext.pyd"] == found["error"]
    assert {"__init__.py": True, "_ext.pyd": False, "zz.py": False} == found["mixed"]
