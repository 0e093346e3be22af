"""An upgrade is not resumable: what a failed or killed one has left blocks the next."""

import os
import shutil
from pathlib import Path

import pytest

from .common import twins, write

pytestmark = pytest.mark.fsfault


def upgrade(root: Path) -> None:
    package, new, old = (root / "site" / name for name in ("ruff", "~new", "~old"))
    shutil.copytree(root / "wheel", new)
    os.rename(package, old)
    os.rename(new, package)
    shutil.rmtree(old)


def recover(root: Path) -> None:
    """Finish, or undo, what a run that was interrupted has left."""
    package, new, old = (root / "site" / name for name in ("ruff", "~new", "~old"))
    if new.exists():
        shutil.rmtree(new)
    if old.exists() and package.exists():
        shutil.rmtree(old)
    elif old.exists():
        os.rename(old, package)


buggy = upgrade


def fixed(root: Path) -> None:
    recover(root)
    upgrade(root)


def prepare(root: Path) -> None:
    write(root, {"site/ruff/core.py": "1.0", "site/ruff/lsp.py": "1.0", "wheel/core.py": "2.0.0"})


@twins("upgrade", buggy, fixed, "the second run finds the leavings of the first")
def test_a_second_run_succeeds(upgrade, fsfault):
    """After a refusal, and after a crash at any step, the next run gets there, and leaves nothing."""
    for trial in fsfault.sweep(prepare, faults=["ERROR_ACCESS_DENIED", "crash"], persist=False):
        with trial as root:
            upgrade(root)
        trial.check_rerun(upgrade)
