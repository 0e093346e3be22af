"""The bug: the first entry that is in use ends the job."""

import shutil
from pathlib import Path


def clean(cache: Path) -> list[str]:
    for entry in cache.iterdir():
        shutil.rmtree(entry)
    return []
