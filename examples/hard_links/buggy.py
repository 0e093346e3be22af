"""The bug: programs are linked out of the cache."""

import os
import shutil
from pathlib import Path


def install(cache: Path, environment: Path) -> None:
    environment.mkdir()
    for path in cache.iterdir():
        os.link(path, environment / path.name)


def remove(environment: Path) -> None:
    shutil.rmtree(environment)
