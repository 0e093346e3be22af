"""The fix: whatever goes wrong, the temporary directory goes too, with the same patience."""

import os
import shutil
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path


def install(wheel: Path, cache: Path) -> Path:
    temporary = tempfile.mkdtemp(prefix=".tmp", dir=cache)
    place = cache / wheel.stem
    try:
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(temporary)
        patiently(os.rename, temporary, place)
    except BaseException:
        patiently(shutil.rmtree, temporary)
        raise
    return place


def patiently(function: Callable[..., object], *args: str | Path, tries: int = 11) -> None:
    for attempt in range(tries):
        try:
            function(*args)
        except PermissionError:
            if attempt == tries - 1:
                raise
            time.sleep(0.01 * 2**attempt)
        else:
            return
