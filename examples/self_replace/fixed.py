"""The fix: the running program is moved aside, and back if the new one cannot take its place."""

import os
from contextlib import suppress
from pathlib import Path


def update(exe: Path, new: Path) -> None:
    old = exe.with_suffix(".old")
    with suppress(OSError):
        os.remove(old)  # of the update before, if that program has ended
    os.rename(exe, old)
    try:
        os.rename(new, exe)
    except OSError:
        os.rename(old, exe)
        raise
    with suppress(PermissionError):
        os.remove(old)  # it is running: the next update removes it
