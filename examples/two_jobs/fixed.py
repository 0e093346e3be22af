"""The fix: what is in use stays, and is reported; what is gone is skipped."""

import os
import shutil
import tempfile
from pathlib import Path


def clean(cache: Path) -> list[str]:
    used = []
    for entry in cache.iterdir():
        try:
            # The job that moves it aside owns it: the other job finds nothing any more.
            aside = tempfile.mkdtemp(prefix=".trash", dir=cache.parent)
            os.rename(entry, os.path.join(aside, entry.name))
        except FileNotFoundError:
            os.rmdir(aside)
        except PermissionError:
            os.rmdir(aside)
            used.append(entry.name)
        else:
            shutil.rmtree(aside)
    return used
