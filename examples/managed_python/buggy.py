"""The bug: one try, and the next run has to repeat the download."""

import os
from pathlib import Path


def place(unpacked: Path, home: Path) -> Path:
    os.rename(unpacked, home / "python-3.13")
    return home / "python-3.13"
