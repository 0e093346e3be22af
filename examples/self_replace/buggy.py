"""The bug: the running program is overwritten; what fails after it was moved aside is not undone."""

import os
from pathlib import Path


def update(exe: Path, new: Path) -> None:
    os.replace(new, exe)


def update_half_right(exe: Path, new: Path) -> None:
    os.rename(exe, exe.with_suffix(".old"))
    os.rename(new, exe)
