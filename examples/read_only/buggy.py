"""The bug: a file mode that POSIX does not look at."""

import shutil
from pathlib import Path


def remove(checkout: Path) -> None:
    shutil.rmtree(checkout)
