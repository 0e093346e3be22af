"""A mix of two versions: the new files are written over the old ones, until one of them is in use."""

import os
import shutil
from pathlib import Path

import pytest

from .common import twins, write

pytestmark = pytest.mark.fsfault


def buggy(root: Path) -> None:
    for path in sorted((root / "wheel").iterdir()):
        shutil.copyfile(path, root / "site/ruff" / path.name)


def fixed(root: Path) -> None:
    package, new, old = (root / "site" / name for name in ("ruff", "~new", "~old"))
    try:
        shutil.copytree(root / "wheel", new)
        os.rename(package, old)
        try:
            os.rename(new, package)
        except OSError:
            os.rename(old, package)
            raise
    finally:
        shutil.rmtree(new, ignore_errors=True)
    shutil.rmtree(old, ignore_errors=True)


def prepare(root: Path) -> None:
    for name in ("core.py", "lsp.py", "main.py"):
        write(root, {f"site/ruff/{name}": "1.0", f"wheel/{name}": "2.0.0"})


@twins("upgrade", buggy, fixed, "each file is overwritten where it is")
def test_there_is_one_version(upgrade, fsfault):
    """Whatever fails, all files are of the old version, or all of the new one."""
    for trial in fsfault.sweep(prepare, persist=False):
        with trial as root:
            upgrade(root)
        trial.check_atomic(ignore=["~*"])
