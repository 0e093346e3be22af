"""The bug: the rename has one try."""

import os
import tempfile
import zipfile
from pathlib import Path


def install(wheel: Path, cache: Path) -> Path:
    temporary = tempfile.mkdtemp(prefix=".tmp", dir=cache)
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(temporary)
    place = cache / "archive-v0" / wheel.stem
    place.parent.mkdir(exist_ok=True)
    os.rename(temporary, place)
    return place
