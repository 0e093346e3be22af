"""The fix: what can run or be loaded is copied, the rest is linked."""

import os
import shutil
from pathlib import Path

RUNS = {".exe", ".dll", ".pyd"}


def install(cache: Path, environment: Path) -> None:
    environment.mkdir()
    for path in cache.iterdir():
        if path.suffix in RUNS:
            shutil.copyfile(path, environment / path.name)
        else:
            os.link(path, environment / path.name)


def remove(environment: Path) -> None:
    shutil.rmtree(environment)
