"""Subject P1: pip 26.3 uninstalls ruff while `ruff.exe` is running."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.slow

SCRIPT = """
import json, os, sys, sysconfig, tempfile, time
from pathlib import Path
from pip._internal.cli.main import main
from pytest_fsfault import inject

tempfile.tempdir = sys.argv[1]
site, scripts = (Path(sysconfig.get_path(name)) for name in ("purelib", "scripts"))
info = site / "ruff-0.1.dist-info"
exe = scripts / "ruff.exe"
info.mkdir()
exe.write_bytes(b"MZ")
(info / "METADATA").write_text("Metadata-Version: 2.1\\nName: ruff\\nVersion: 0.1\\n")
(info / "INSTALLER").write_text("pip\\n")
names = [f"{info.name}/METADATA", f"{info.name}/INSTALLER", f"{info.name}/RECORD", os.path.relpath(exe, site)]
(info / "RECORD").write_text("".join(f"{name},,\\n" for name in names))

start = time.perf_counter()
with inject(windows="11", roots=[site, scripts, sys.argv[1]]) as fsfault:
    fsfault.windows().run(exe)
    code = main(["uninstall", "-y", "ruff"])
    waits = fsfault.clock.slept
left = [path.name for path in Path(sys.argv[1]).glob("pip-uninstall-*/*")]
print(json.dumps({"code": code, "waits": waits, "real": time.perf_counter() - start, "left": left,
                  "there": exe.exists(), "metadata": info.exists()}))
"""


def test_a_running_program_is_moved_aside(release, tmp_path):
    """Pip succeeds, warns, and leaves the program in its temporary directory after three virtual seconds."""
    found = release("pip==26.3").run(SCRIPT, tmp_path)
    assert 0 == found["code"]
    assert [0.5] * 6 == found["waits"]
    assert ["ruff.exe"] == found["left"]
    assert (False, False) == (found["there"], found["metadata"])
    assert "Successfully uninstalled ruff-0.1" in found["output"]
    assert "WARNING: Failed to remove contents in a temporary directory" in found["output"]
