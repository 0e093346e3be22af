"""The bug: it tries again, but gives up without cleaning up."""

import os
import tempfile
import time
import zipfile
from pathlib import Path


def install(wheel: Path, cache: Path) -> Path:
    temporary = tempfile.mkdtemp(prefix=".tmp", dir=cache)
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(temporary)
    place = cache / wheel.stem
    rename(temporary, place)
    return place


def rename(source: str, target: Path, tries: int = 11) -> None:
    for attempt in range(tries):
        try:
            return os.rename(source, target)
        except PermissionError:
            if attempt == tries - 1:
                raise
            time.sleep(0.01 * 2**attempt)
    return None
