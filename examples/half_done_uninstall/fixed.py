"""The fix: everything is moved aside first, which a loaded library allows, and back if that fails."""

import os
import shutil
import tempfile
import warnings
from pathlib import Path


def uninstall(site: Path) -> None:
    info = site / "polars.dist-info"
    stash = Path(tempfile.mkdtemp(prefix="~", dir=site))
    moved = []
    try:
        for path in [*(site / name for name in (info / "RECORD").read_text().split()), info]:
            os.rename(path, stash / path.name)
            moved.append(path)
    except OSError:
        for path in reversed(moved):
            os.rename(stash / path.name, path)
        os.rmdir(stash)
        raise
    try:
        shutil.rmtree(stash)
    except PermissionError:
        warnings.warn(f"{stash} is in use, and can be removed later", stacklevel=2)
