"""An error code is missing from those that are tried again: uv waited for 5, and not for 32."""

import os
import shutil
import time
from pathlib import Path

import pytest

from .common import twins, write

pytestmark = pytest.mark.fsfault
ACCESS_DENIED, SHARING_VIOLATION = 5, 32


def install(root: Path, passing: set[int]) -> None:
    """Unpack a wheel beside the cache, then rename it into the cache."""
    shutil.copytree(root / "wheel", root / ".tmp")
    for wait in (0.01, 0.02, 0.04, 0.08):
        try:
            return os.rename(root / ".tmp", root / "cache/ruff")
        except OSError as error:
            if getattr(error, "winerror", None) not in passing:
                raise
        time.sleep(wait)
    return os.rename(root / ".tmp", root / "cache/ruff")


def buggy(root: Path) -> None:
    install(root, passing={ACCESS_DENIED})


def fixed(root: Path) -> None:
    install(root, passing={ACCESS_DENIED, SHARING_VIOLATION})


def prepare(root: Path) -> None:
    write(root, {"wheel/ruff.exe": "MZ", "cache/CACHEDIR.TAG": ""})


@twins("install", buggy, fixed, "32 is not tried again")
def test_whatever_passes_is_waited_for(install, fsfault):
    """A scanner refuses once, with either error; then the wheel is in the cache."""
    for trial in fsfault.sweep(prepare, operations="rename", persist=False):
        with trial as root:
            install(root)
        trial.check(trial.error is None, f"{trial.fault} is not tried again")
