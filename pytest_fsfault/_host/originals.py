"""The real functions, as they were before any wrapper.

The plugin's own work on files goes through these, so that no fault can meet it.
"""

from __future__ import annotations

import builtins
import io
import os
import shutil
import sys
from typing import TYPE_CHECKING, Any, ClassVar

from pytest_fsfault._host.paths import WINDOWS_FORMS, one_form

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_fsfault._core.engine.interfaces import NativeFunctions

#: The real function by its module and name, such as ``("os", "replace")``.
ORIGINALS: dict[tuple[str, str], Callable[..., Any]] = {
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


_realpath = os.path.realpath


def _real_form(path: str) -> str:
    """Return a real path; on Windows in its one form, or a root would differ from it by the separators alone."""
    return _realpath(path) if WINDOWS_FORMS is None else WINDOWS_FORMS(_realpath(path))


class _Originals:
    """The real functions by name, for rooms that must not know how they are intercepted."""

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Callable[..., Any]:
            """Return a function of `os` by its name."""
            ...

    open_file = staticmethod(open_file)
    realpath = staticmethod(_real_form)
    # Loaded when first needed: a child process does without them. Taken now, where they are there already: not
    # while one of them is imported, which is when a child may have to load this.
    _loaded: ClassVar[dict[str, Any]] = {
        name: getattr(sys.modules[module], name)
        for module, name in (("pathlib", "Path"), ("tempfile", "gettempdir"))
        if hasattr(sys.modules.get(module), name)
    }

    @property
    def path(self) -> Any:
        """The class of paths."""
        if "Path" not in self._loaded:
            from pathlib import Path  # noqa: PLC0415  # as said above

            self._loaded["Path"] = Path
        return self._loaded["Path"]

    def gettempdir(self) -> str:
        """Return the directory for temporary files."""
        if "gettempdir" not in self._loaded:
            from tempfile import gettempdir  # noqa: PLC0415  # as said above

            self._loaded["gettempdir"] = gettempdir
        return str(self._loaded["gettempdir"]())

    def __init__(self) -> None:
        vars(self).update({name: value for (module, name), value in ORIGINALS.items() if module == "os"})

    def absolute(self, path: str) -> str:
        """Return a path as seen from the current directory, in its one form."""
        return one_form(path, getcwd())

    def null(self) -> str:
        """Return the name of the device that swallows everything."""
        return os.devnull


#: The real functions, also for rooms that work on a fake file system as well.
NATIVE: NativeFunctions = _Originals()
