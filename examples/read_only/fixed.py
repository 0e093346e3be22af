"""The fix: the attribute is cleared, and the call that failed is tried again."""

import os
import shutil
import stat
import sys
from pathlib import Path


def remove(checkout: Path) -> None:
    if sys.version_info >= (3, 12):
        shutil.rmtree(checkout, onexc=clear)
    else:
        shutil.rmtree(checkout, onerror=lambda function, path, info: clear(function, path, info[1]))


def clear(function, path, error):
    if not isinstance(error, PermissionError) or os.access(path, os.W_OK):
        raise error
    os.chmod(path, stat.S_IWRITE)
    function(path)
