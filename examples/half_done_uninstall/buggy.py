"""The bug: files are deleted one by one, the list of files first."""

import os
from pathlib import Path


def uninstall(site: Path) -> None:
    record = site / "polars.dist-info" / "RECORD"
    names = record.read_text().split()
    os.remove(record)
    for name in names:
        os.remove(site / name)
    os.rmdir(record.parent)
