"""Subject P4: poetry 2.5.1 removes a package while somebody has one file of its metadata open.

Poetry removes `.dist-info` last, so that a run that failed can be triggered again: RECORD tells it what to
remove (docstring of `UninstallPathSet.remove`, src/poetry/installation/uninstaller.py). But `.dist-info` itself
goes by `shutil.rmtree`, in the order of the listing, which on Windows is by name without regard to case: a file
that comes after RECORD and cannot be removed leaves the package without it.
"""

from __future__ import annotations

import pytest
from released import wheel

pytestmark = pytest.mark.slow

SCRIPT = """
import json, logging, os, sys, venv
from pathlib import Path
from poetry.installation import uninstaller
from poetry.installation.wheel_installer import WheelInstaller
from poetry.utils.env import VirtualEnv
from pytest_fsfault import inject

root, wheel, held = sys.argv[1:]
venv.create(root, symlinks=os.name != "nt")
env = VirtualEnv(Path(root))
site = Path(env.paths["purelib"])
info = site / "demo-1.0.dist-info"
log = []
handler = logging.Handler()
handler.emit = lambda record: log.append(record.getMessage())
uninstaller.logger.addHandler(handler)

def remove():
    # It gathers what RECORD lists, and ends in `UninstallPathSet(...).remove()`.
    try:
        found = uninstaller.uninstall_distribution(env, "demo")
    except OSError as caught:
        return [type(caught).__name__, caught.winerror, Path(caught.filename).name]
    return "nothing" if found is None else "removed"

def metadata():
    return sorted(os.listdir(info), key=str.upper) if info.exists() else []

WheelInstaller(env).install(Path(wheel))
found = {"installed": metadata()}
with inject(windows="11", roots=[root]) as fsfault:
    hold = fsfault.windows().hold(info / held) if held else None
    found.update(first=remove(), left=metadata(), code=os.path.exists(site / "demo"))
    if hold:
        hold.close()
        found.update(second=remove(), end=metadata())
    found.update(waits=fsfault.clock.slept, log=log)
print(json.dumps(found))
"""
FILES = ["entry_points.txt", "INSTALLER", "METADATA", "RECORD", "top_level.txt", "WHEEL"]


@pytest.fixture
def remove(release, tmp_path):
    """Return a function that removes what poetry installed: once under a hold on one file, and once without."""
    files = {
        "demo/__init__.py": b"",
        "demo-1.0.dist-info/entry_points.txt": b"[demo]\ndemo = demo\n",
        "demo-1.0.dist-info/top_level.txt": b"demo\n",
    }
    package = wheel(tmp_path, "1.0", files)
    return lambda held: release("poetry==2.5.1").run(SCRIPT, tmp_path / "env", package, held)


def _check_first_run(found, held):
    """Fail unless it stopped at the held file, with the code and all that comes before by name removed."""
    assert FILES == found["installed"]
    assert ["PermissionError", 32, held] == found["first"]
    assert (FILES[FILES.index(held) :], False) == (found["left"], found["code"])
    assert [] == found["waits"]


def test_nothing_held(remove):
    """The first run removes everything."""
    found = remove("")
    assert FILES == found["installed"]
    assert ("removed", [], False) == (found["first"], found["left"], found["code"])
    assert [] == found["log"]


@pytest.mark.parametrize("held", ["entry_points.txt", "INSTALLER", "METADATA", "RECORD"])
def test_a_held_file_up_to_record(remove, held):
    """RECORD survives the first run, so a second one completes."""
    found = remove(held)
    _check_first_run(found, held)
    assert ("removed", []) == (found["second"], found["end"])
    assert [] == found["log"]


@pytest.mark.parametrize("held", ["top_level.txt", "WHEEL"])
def test_a_held_file_after_record(remove, held):
    """RECORD is gone, so a second run refuses, which is no error to poetry, and the rest stays."""
    found = remove(held)
    _check_first_run(found, held)
    assert ("nothing", found["left"]) == (found["second"], found["end"])
    [refusal] = found["log"]  # without METADATA it does not know the name either
    assert "RECORD file is missing or unreadable." == refusal.partition(": ")[2]
