"""pip 26.3, as released, uninstalls a program that is running.

It moves the program aside, tries for three seconds to delete it there, and warns. The environment is one of the
test's own; pip runs in a process of its own, which has the faults.
"""

import json
import os
import subprocess
import sys
import venv
from pathlib import Path

import pip
import pytest

SCRIPT = """
import json, os, sysconfig, sys, tempfile
from pathlib import Path
from pip._internal.cli.main import main
from pytest_fsfault import inject

tempfile.tempdir = sys.argv[1]
site, scripts = Path(sysconfig.get_path("purelib")), Path(sysconfig.get_path("scripts"))
exe, info = scripts / "running_tool.exe", site / "running_tool-0.1.dist-info"
exe.touch()
info.mkdir()
(info / "METADATA").write_text("Name: running-tool\\nVersion: 0.1\\n")
(info / "RECORD").write_text(f"{os.path.relpath(exe, site)},,\\nrunning_tool-0.1.dist-info/METADATA,,\\n")
with inject(windows="11", roots=[site, scripts, sys.argv[1]]) as fsfault:
    fsfault.windows().run(exe)
    code = main(["uninstall", "-y", "running-tool"])
print(json.dumps([code, fsfault.clock.slept, exe.exists()]))
"""


@pytest.mark.fsfault(profile="off")  # the faults are in the other process
@pytest.mark.skipif(not pip.__version__.startswith("26.3"), reason="the figures are those of pip 26.3")
def test_a_running_program(tmp_path):
    """Exit code 0, six waits of half a second that take no time, and a warning."""
    venv.create(tmp_path / "venv", symlinks=os.name != "nt")
    python = tmp_path / ("venv/Scripts/python.exe" if os.name == "nt" else "venv/bin/python")
    # pip and this plugin are those of the running Python.
    places = [str(Path(pip.__file__).parents[1]), *filter(None, sys.path)]
    done = subprocess.run(
        [python, "-c", SCRIPT, tmp_path],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(places)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout.splitlines()[-1]) == [0, [0.5] * 6, False]
    assert "Successfully uninstalled running-tool-0.1" in done.stdout
    assert "WARNING: Failed to remove contents in a temporary directory" in done.stderr
