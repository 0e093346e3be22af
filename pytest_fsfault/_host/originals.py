"""The real functions, as they were before anybody stood in front of them.

The plugin's own work on files goes through these, so that no fault can meet it.
"""

from __future__ import annotations

import builtins
import io
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from pytest_fsfault._host.paths import one_form

#: The real function by its module and name, such as ``("os", "replace")``.
ORIGINALS = {
    (module.__name__, name): value
    for module in (os, io, shutil)
    for name, value in vars(module).items()
    if callable(value) and not name.startswith("_")
}
ORIGINALS["builtins", "open"] = builtins.open

getcwd = os.getcwd
readlink = os.readlink
stat = os.stat
listdir = os.listdir
open_file = io.open


class _Originals:
    """The real functions by name, for rooms that must not know how they are intercepted."""

    open_file = staticmethod(open_file)
    realpath = staticmethod(os.path.realpath)
    gettempdir = staticmethod(tempfile.gettempdir)
    path = Path

    def __init__(self) -> None:
        vars(self).update({name: value for (module, name), value in ORIGINALS.items() if module == "os"})

    def absolute(self, path: str) -> str:
        """Return a path as seen from the current directory, in its one form."""
        return one_form(path, getcwd())

    def null(self) -> str:
        """Return the name of the device that swallows everything."""
        return os.devnull


NATIVE: Any = _Originals()
