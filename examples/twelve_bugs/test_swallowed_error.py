"""An error is swallowed, and success reported: "already gone" was meant, and "in use" is suppressed as well."""

import os
from contextlib import suppress
from pathlib import Path

import pytest

from .common import twins, write

pytestmark = pytest.mark.fsfault


def buggy(root: Path) -> None:
    record = root / "ruff.dist-info/RECORD"
    for name in record.read_text().split():
        with suppress(OSError):
            os.remove(root / name)
    os.remove(record)
    os.rmdir(record.parent)


def fixed(root: Path) -> None:
    record = root / "ruff.dist-info/RECORD"
    for name in record.read_text().split():
        with suppress(FileNotFoundError):
            os.remove(root / name)
    os.remove(record)
    os.rmdir(record.parent)


def prepare(root: Path) -> None:
    write(root, {"ruff.exe": "MZ", "ruff.py": "", "ruff.dist-info/RECORD": "ruff.exe ruff.py gone.py"})


@twins("uninstall", buggy, fixed, "whatever is in use counts as removed")
def test_success_is_success(uninstall, fsfault):
    """Either the package is gone, or the error comes out; then a second run finishes."""
    for trial in fsfault.sweep(prepare, persist=False):
        with trial as root:
            uninstall(root)
        trial.check_error()
