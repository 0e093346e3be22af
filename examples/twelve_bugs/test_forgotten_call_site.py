"""One call site is forgotten: uv renamed wheels into its cache with patience, source distributions without."""

import os
import shutil
import time
from pathlib import Path

import pytest

from .common import twins, write

pytestmark = pytest.mark.fsfault


def rename(source: Path, target: Path) -> None:
    for wait in (0.01, 0.02, 0.04, 0.08):
        try:
            return os.rename(source, target)
        except PermissionError:
            time.sleep(wait)
    return os.rename(source, target)


def buggy(root: Path) -> None:
    shutil.copytree(root / "numpy.whl", root / ".tmp")
    rename(root / ".tmp", root / "cache/numpy")
    shutil.copytree(root / "polars.tar", root / ".tmp")
    os.rename(root / ".tmp", root / "cache/polars")


def fixed(root: Path) -> None:
    shutil.copytree(root / "numpy.whl", root / ".tmp")
    rename(root / ".tmp", root / "cache/numpy")
    shutil.copytree(root / "polars.tar", root / ".tmp")
    rename(root / ".tmp", root / "cache/polars")


def prepare(root: Path) -> None:
    write(root, {"numpy.whl/numpy.py": "", "polars.tar/polars.py": "", "cache/CACHEDIR.TAG": ""})


@twins("install", buggy, fixed, "one rename has no second try")
def test_every_call_site_is_patient(install, fsfault):
    """Whichever rename a scanner refuses, once: both packages are in the cache."""
    for trial in fsfault.sweep(prepare, operations="rename", persist=False):
        with trial as root:
            install(root)
        trial.check(trial.error is None, "this call has no second try")
