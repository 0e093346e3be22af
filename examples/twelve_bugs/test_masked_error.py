"""The error is masked by a second one: the clean-up removes a directory that was never made."""

import os
import shutil
from pathlib import Path

import pytest

from .common import twins, write

pytestmark = pytest.mark.fsfault


def buggy(root: Path) -> None:
    staging = root / "cache/.tmp"
    try:
        shutil.copytree(root / "wheel", staging)
        os.rename(staging, root / "cache/ruff")
    except OSError:
        shutil.rmtree(staging)
        raise


def fixed(root: Path) -> None:
    staging = root / "cache/.tmp"
    try:
        shutil.copytree(root / "wheel", staging)
        os.rename(staging, root / "cache/ruff")
    except OSError:
        shutil.rmtree(staging, ignore_errors=True)
        raise


def prepare(root: Path) -> None:
    write(root, {"wheel/ruff.py": "", "cache/CACHEDIR.TAG": ""})


@twins("install", buggy, fixed, "the error is that of the clean-up")
def test_the_error_is_the_one_that_happened(install, fsfault):
    """Who reads it can tell which file was refused, and why."""
    for trial in fsfault.sweep(prepare, persist=False):
        with trial as root:
            install(root)
        trial.check_error()
