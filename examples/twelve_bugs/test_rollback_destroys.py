"""A rollback destroys the good copy: it removes what it takes for the new version, and that is the old one."""

import os
import shutil
from pathlib import Path

import pytest

from .common import twins, write

pytestmark = pytest.mark.fsfault


def buggy(root: Path) -> None:
    package, backup = root / "site/ruff", root / "site/~uff"
    try:
        os.rename(package, backup)
        shutil.copytree(root / "wheel", package)
    except OSError:
        shutil.rmtree(package)
        if backup.exists():
            os.rename(backup, package)
        raise
    shutil.rmtree(backup, ignore_errors=True)


def fixed(root: Path) -> None:
    package, backup = root / "site/ruff", root / "site/~uff"
    os.rename(package, backup)
    try:
        shutil.copytree(root / "wheel", package)
    except OSError:
        shutil.rmtree(package, ignore_errors=True)
        os.rename(backup, package)
        raise
    shutil.rmtree(backup, ignore_errors=True)


def prepare(root: Path) -> None:
    write(root, {"site/ruff/core.py": "1.0", "site/ruff/ruff.exe": "MZ 1.0", "wheel/core.py": "2.0.0"})


@twins("upgrade", buggy, fixed, "the old version is removed if moving it is refused")
def test_nothing_is_lost(upgrade, fsfault):
    """Whatever fails, each old file is in its place or in the back-up, until the new ones are there."""
    for trial in fsfault.sweep(prepare):
        with trial as root:
            upgrade(root)
        trial.check_nothing_lost("~*")
