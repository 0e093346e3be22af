"""Subject P3: pip installs a new version while somebody has the old one's extension open."""

from __future__ import annotations

import pytest
from released import demo

pytestmark = pytest.mark.slow

SCRIPT = """
import importlib.metadata, json, os, sys, sysconfig, tempfile
from pathlib import Path
from pip._internal.cli.main import main
from pytest_fsfault import inject

tempfile.tempdir = sys.argv[1]
site = Path(sysconfig.get_path("purelib"))
install = ["install", "--no-index", "--no-deps"]
main([*install, sys.argv[2]])
with inject(windows="11", roots=[site, sys.argv[1]]) as fsfault:
    fsfault.windows().hold(site / "demo/_ext.pyd")
    code = main([*install, sys.argv[3]])
try:
    found = importlib.metadata.version("demo")
except importlib.metadata.PackageNotFoundError:
    found = None
backups = [path.name for path in site.glob("~*")]
print(json.dumps({"code": code, "installed": found, "backups": backups}))
"""


@pytest.mark.parametrize(
    ("version", "installed", "backups"),
    [("26.2.1", None, {"~emo", "~emo-1.0.dist-info"}), ("26.3", "1.0", {"~emo"})],
)
def test_a_held_extension(release, tmp_path, version, installed, backups):
    """The upgrade fails; pip 26.2.1 loses the package, 26.3 restores what makes it one and keeps its back-up."""
    wheels = [demo(tmp_path, number) for number in ("1.0", "2.0")]
    (tmp_path / "temporary").mkdir()
    found = release(f"pip=={version}").run(SCRIPT, tmp_path / "temporary", *wheels)
    assert 1 == found["code"]
    assert installed == found["installed"]
    assert backups == set(found["backups"])
    assert "[WinError 32]" in found["output"]
