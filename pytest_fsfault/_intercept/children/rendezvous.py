"""Where children find their parent: a private directory, and the environment variable that names it."""

from __future__ import annotations

import os
import tempfile

#: The variable that names the directory.
KEY = "FSFAULT_CHILD"
#: The directory with a `sitecustomize` of ours, which serves environments that do not have this package.
ON_PATH = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "bootstrap", "on_path")
#: Whether a parent can be found here: Python has no such sockets on Windows.
POSSIBLE = os.name == "posix"
_PYTHONPATH = "PYTHONPATH"
_PREFIX = "pytest-fsfault-"
_LONGEST = 100  # of the path of a socket: <sys/un.h> has room for 104 on macOS, 108 on Linux


def new_directory() -> str:
    """Return the name of a directory beside that of the tests, yet to be made."""
    base = tempfile.gettempdir()
    name = f"{_PREFIX}{os.getpid()}-{os.urandom(3).hex()}"
    return os.path.join(base if len(base) + len(name) < _LONGEST else "/tmp", name)  # noqa: S108  # made for us alone


def socket_of(directory: str) -> str:
    """Return the path of the socket."""
    return os.path.join(directory, "s")


def page_of(directory: str) -> str:
    """Return the path of the page."""
    return os.path.join(directory, "p")


def roots_of(directory: str) -> str:
    """Return the path of the list of roots."""
    return os.path.join(directory, "roots")


def is_ours(path: str) -> bool:
    """Return whether a path is that of a socket or a page of ours."""
    return os.path.basename(os.path.dirname(path)).startswith(f"{_PREFIX}{os.getpid()}-")


def publish(directory: str) -> None:
    """Let the processes that are started from now on know where to ask."""
    os.environ[KEY] = directory
    before = os.environ.get(_PYTHONPATH)
    if before is None:
        os.environ[_PYTHONPATH] = ON_PATH
    elif ON_PATH not in before.split(os.pathsep):
        os.environ[_PYTHONPATH] = ON_PATH + os.pathsep + before


def unpublish() -> None:
    """Undo `publish`, whatever others have added to the variables since."""
    os.environ.pop(KEY, None)
    there = os.environ.get(_PYTHONPATH)
    if there is None or ON_PATH not in there:
        return
    left = [part for part in there.split(os.pathsep) if part != ON_PATH]
    if left:
        os.environ[_PYTHONPATH] = os.pathsep.join(left)
    else:
        del os.environ[_PYTHONPATH]
