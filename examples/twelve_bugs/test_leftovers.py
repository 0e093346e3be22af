"""Temporary files are left behind: the clean-up knows one error, and a full disk is another."""

import os
import shutil
from pathlib import Path

import pytest

from .common import twins, write

pytestmark = pytest.mark.fsfault


def buggy(root: Path) -> None:
    wheel, part = root / "cache/numpy.whl", root / "cache/numpy.whl.part"
    try:
        shutil.copyfile(root / "index/numpy.whl", part)
        os.replace(part, wheel)
    except PermissionError:
        part.unlink(missing_ok=True)
        raise


def fixed(root: Path) -> None:
    wheel, part = root / "cache/numpy.whl", root / "cache/numpy.whl.part"
    try:
        shutil.copyfile(root / "index/numpy.whl", part)
        os.replace(part, wheel)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def prepare(root: Path) -> None:
    write(root, {"index/numpy.whl": "PK" * 4096, "cache/CACHEDIR.TAG": ""})


@twins("download", buggy, fixed, "only a PermissionError is cleaned up after")
def test_nothing_temporary_is_left(download, fsfault):
    """Whatever refuses the download, or the rename after it: no half a wheel stays in the cache."""
    for trial in fsfault.sweep(prepare, faults=["ERROR_ACCESS_DENIED", "ERROR_DISK_FULL"], persist=False):
        with trial as root:
            download(root)
        trial.check_no_leftovers("*.part")
