"""A retry never fires: the codes are those of Windows, but `errno` has the numbers of C, 13 for both."""

import os
import time
from contextlib import suppress
from pathlib import Path

import pytest

from .common import twins, write

PASSING = (5, 32)


def buggy(new: Path, exe: Path) -> None:
    for wait in (0.1, 0.2, 0.4):
        try:
            return os.replace(new, exe)
        except OSError as error:
            if error.errno not in PASSING:
                raise
            time.sleep(wait)
    return os.replace(new, exe)


def fixed(new: Path, exe: Path) -> None:
    for wait in (0.1, 0.2, 0.4):
        try:
            return os.replace(new, exe)
        except OSError as error:
            if getattr(error, "winerror", None) not in PASSING:
                raise
            time.sleep(wait)
    return os.replace(new, exe)


@twins("upgrade", buggy, fixed, "5 and 32 are never an errno")
@pytest.mark.fsfault("os.replace *.new -> ERROR_SHARING_VIOLATION when first 2")
def test_the_retry_fires(upgrade, tmp_path, fsfault):
    """A scanner holds the new program for two tries; the third one succeeds."""
    write(tmp_path, {"ruff.exe": "old", "ruff.new": "new"})
    with suppress(PermissionError):
        upgrade(tmp_path / "ruff.new", tmp_path / "ruff.exe")
    fsfault.assert_retried("os.replace", attempts=3, within=0.4)
