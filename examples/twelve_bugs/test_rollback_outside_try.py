"""A rollback stands outside the `try`: what fails while the old files are moved aside is not undone."""

import os
import shutil
from pathlib import Path

import pytest

from .common import twins, write

pytestmark = pytest.mark.fsfault
NAMES = ("core.py", "lsp.py", "main.py")


def back(stash: Path, site: Path) -> None:
    for path in sorted(stash.iterdir()):
        os.replace(path, site / path.name)
    stash.rmdir()


def buggy(root: Path) -> None:
    site, stash = root / "site", root / "~stash"
    stash.mkdir()
    for name in NAMES:
        os.rename(site / name, stash / name)
    try:
        for name in NAMES:
            shutil.copyfile(root / "wheel" / name, site / name)
    except OSError:
        back(stash, site)
        raise
    shutil.rmtree(stash, ignore_errors=True)


def fixed(root: Path) -> None:
    site, stash = root / "site", root / "~stash"
    stash.mkdir()
    try:
        for name in NAMES:
            os.rename(site / name, stash / name)
            shutil.copyfile(root / "wheel" / name, site / name)
    except OSError:
        back(stash, site)
        raise
    shutil.rmtree(stash, ignore_errors=True)


def prepare(root: Path) -> None:
    write(root, {f"site/{name}": "1.0" for name in NAMES} | {f"wheel/{name}": "2.0.0" for name in NAMES})


@twins("upgrade", buggy, fixed, "the moves aside are not undone")
def test_whatever_fails_is_undone(upgrade, fsfault):
    """The old version is there, or the new one; what was set aside may be removed later."""
    for trial in fsfault.sweep(prepare, persist=False):
        with trial as root:
            upgrade(root)
        trial.check_atomic(ignore=["~stash"])
