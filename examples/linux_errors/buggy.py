"""The bug: every PermissionError is waited for, no other error is, and neither is explained."""

import os
import time
from pathlib import Path


def move_into_place(source: Path, target: Path) -> None:
    for attempt in range(10):
        try:
            return os.rename(source, target)
        except PermissionError:
            time.sleep(0.01 * 2**attempt)
    return os.rename(source, target)
