"""Keep this package's own file access on the real file system while pyfakefs is active.

pyfakefs exchanges `os`, `io`, `pathlib` and `shutil` in every module that it finds, and in `sys.modules`; what is
imported meanwhile it forgets at its end. This module is loaded before ours, so that it imports nothing of them.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

#: The module of pyfakefs that has the class `Patcher`.
HOME = "pyfakefs.fake_filesystem_unittest"
_PACKAGE = __name__.partition(".")[0]
_ROOMS = (
    "",
    "_core",
    "_core.engine",
    "_core.language",
    "_host",
    "_intercept",
    "_intercept.calls",
    "_intercept.children",
    "_intercept.children.child",
    "_intercept.children.parent",
    "_intercept.fake",
    "_intercept.patching",
    "_intercept.virtual_time",
    "_plugin",
    "_prove",
    "_report",
    "_session",
    "_windows",
    "_windows.holders",
    "_windows.judges",
    "_windows.open_files",
    "_windows.platform",
)


def patcher_class() -> Any:
    """Return the class `Patcher`, None if it has not been imported."""
    return getattr(sys.modules.get(HOME), "Patcher", None)


def patcher() -> Any:
    """Return the patcher whose fake is in the place of the real file system now, None if there is none."""
    found = patcher_class()
    if found is None:
        return None
    there = (found.PATCHER, found.DOC_PATCHER)
    return next((one for one in there if one is not None and one.is_patching and one.fs is not None), None)


def prepare() -> None:
    """Make ready for a session: if a fake is in force already, none of ours must work with it."""
    if patcher() is not None:
        preload()


@contextmanager
def real_files() -> Iterator[None]:
    """Let the real file system be there in the block."""
    there = patcher()
    if there is None:
        yield
        return
    # What was imported under the fake is forgotten at its end, and not before.
    loaded = there._dyn_patcher._loaded_module_names
    kept = [name for name in loaded if name.partition(".")[0] != _PACKAGE]
    loaded.clear()
    there.pause()
    try:
        yield
    finally:
        there.resume()
        there._dyn_patcher._loaded_module_names.update(kept)


def preload() -> None:
    """Import all of ours that may be needed under a fake, with the real modules in place."""
    if not _loaded or not _loaded.issubset(sys.modules):
        with real_files():
            names = [name for room in _ROOMS for name in _modules(room)]
            for name in names:
                import_module(name)
        _loaded.update(names)
    there = patcher()
    if there is not None:
        exempt_from(there)


_loaded: set[str] = set()


def _modules(room: str) -> Iterator[str]:
    home = import_module(f"{_PACKAGE}.{room}" if room else _PACKAGE)
    for directory in home.__path__:
        try:
            files = sys.modules["os"].listdir(directory)
        except OSError:  # not unpacked: what is in there comes when it is asked for
            continue
        for file in sorted(files):
            name, dot, kind = file.rpartition(".")
            if dot and kind == "py" and not name.startswith("__") and (room or name.startswith("_")):
                yield f"{home.__name__}.{name}"


def exempt_from(there: Any) -> None:
    """Let a patcher leave our modules alone, from now on and with what it has done to them already."""
    _drop_ours(type(there))
    for space, name, original in list(there._stubs.stubs) if there.is_patching else ():
        if _is_ours(space):
            vars(space)[name] = original


def _drop_ours(found: Any) -> None:
    """Take our modules out of the tables of a patcher's class."""
    for table in (found.FS_MODULES, found.SKIPPED_FS_MODULES):
        for name, places in table.items():
            table[name] = {place for place in places if not _is_ours(place[0])}
    for key, modules in found.FS_FUNCTIONS.items():
        found.FS_FUNCTIONS[key] = {module for module in modules if not _is_ours(module)}
    found.FS_DEFARGS[:] = [place for place in found.FS_DEFARGS if not _is_ours_by(place[0].__module__)]


def _is_ours(module: Any) -> bool:
    return _is_ours_by(getattr(module, "__name__", ""))


def _is_ours_by(name: Any) -> bool:
    return isinstance(name, str) and name.partition(".")[0] == _PACKAGE
