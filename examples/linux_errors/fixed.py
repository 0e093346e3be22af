"""The fix: wait for what passes, explain at once what does not."""

import errno
import os
import time
from pathlib import Path

ADVICE = {
    errno.EPERM: "the system forbids it; a sandbox may not allow renames there",
    errno.EROFS: "the file system is read-only",
    errno.EACCES: "you may not write there; does the directory belong to another user?",
}


class InstallError(Exception):
    """What the user reads."""


def move_into_place(source: Path, target: Path) -> None:
    for attempt in range(10):
        try:
            return os.rename(source, target)
        except OSError as error:
            if not passes(error, target.parent):
                advice = ADVICE.get(error.errno or 0, error.strerror)
                raise InstallError(f"cannot create {target}: {advice}") from error
            time.sleep(0.01 * 2**attempt)
    return os.rename(source, target)


def passes(error: OSError, directory: Path) -> bool:
    """Tell EACCES of a busy directory from EACCES of one that we may not write."""
    busy = error.errno == errno.EACCES and os.access(directory, os.W_OK)
    return busy or error.errno in {errno.ENOMEM, errno.EBUSY}
