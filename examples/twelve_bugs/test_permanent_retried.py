"""A permanent error is retried to the end: pip repeats a move after any error, a full disk's too."""

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from .common import twins, write

pytestmark = pytest.mark.fsfault


def download(root: Path, is_passing: Callable[[OSError], bool]) -> None:
    part, wheel = root / "cache/ruff.whl.part", root / "cache/ruff.whl"
    shutil.copyfile(root / "index/ruff.whl", part)
    for _ in range(4):
        try:
            return os.replace(part, wheel)
        except OSError as error:
            if not is_passing(error):
                raise
        time.sleep(0.25)
    return os.replace(part, wheel)


def buggy(root: Path) -> None:
    download(root, lambda error: isinstance(error, OSError))


def fixed(root: Path) -> None:
    download(root, lambda error: getattr(error, "winerror", None) in (5, 32))


def prepare(root: Path) -> None:
    write(root, {"index/ruff.whl": "PK", "cache/CACHEDIR.TAG": ""})


@twins("download", buggy, fixed, "any error is waited for")
def test_a_permanent_error_is_told_at_once(download, fsfault):
    """A full disk and a write-protected one are permanent errors: they are not waited for."""
    for trial in fsfault.sweep(prepare, faults=["ERROR_DISK_FULL", "ERROR_WRITE_PROTECT"], persist=True):
        with trial as root:
            download(root)
        trial.check_waits(at_most=0)
