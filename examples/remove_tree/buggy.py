"""The bug: one try, which leaves half a tree."""

import shutil
from pathlib import Path


def remove(tree: Path) -> None:
    shutil.rmtree(tree)
