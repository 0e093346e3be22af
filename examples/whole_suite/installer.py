"""An installer that takes a step again if the system refuses it for a moment."""

import errno
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from tenacity import retry, retry_if_exception, stop_after_delay, wait_exponential

PASSING = {errno.EACCES, errno.EBUSY, errno.ENOMEM, errno.ENOTEMPTY}

patient = retry(
    retry=retry_if_exception(lambda error: isinstance(error, OSError) and error.errno in PASSING),
    wait=wait_exponential(multiplier=0.01, max=1),
    stop=stop_after_delay(60),
    reraise=True,
)
rename = patient(os.rename)
remove = patient(shutil.rmtree)
write = patient(Path.write_text)
read = patient(Path.read_text)


def install(files: Mapping[str, str], package: Path) -> None:
    """Write `files`, then put them in the place of the old version, if there is one."""
    new, old = package.with_name("~new"), package.with_name("~old")
    new.mkdir()
    for name, text in files.items():
        write(new / name, text, "utf-8")
    if package.exists():
        rename(package, old)
    rename(new, package)
    if old.exists():
        remove(old)


def uninstall(package: Path) -> None:
    """Move the package aside, so that it is gone at once, then remove it."""
    old = package.with_name("~old")
    rename(package, old)
    remove(old)


def installed(package: Path) -> dict[str, str]:
    """Return the files of a package."""
    return {path.name: read(path, "utf-8") for path in package.iterdir()}
