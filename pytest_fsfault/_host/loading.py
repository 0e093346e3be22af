"""Load many modules of this package at once, in less time than one by one."""

from __future__ import annotations

import gc
import sys
from importlib import import_module
from importlib.machinery import PathFinder
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec

_ROOT = __name__.partition(".")[0]
# CPython 3.12 itself sets some hundreds of objects apart from the collector; who calls `gc.freeze` does so with thousands.
_FROZEN_BY_NOBODY = 1_000


def load(*names: str) -> None:
    """Load modules, named as seen from this package, and what these import, unless that is done.

    Meanwhile pytest does not compare each name with its patterns of test files, which takes longer than to find the module;
    and no garbage is looked for: all that is loaded stays.
    """
    wanted = [name for one in names if (name := f"{_ROOT}.{one}") not in sys.modules]
    if not wanted:
        return
    loading = _Loading()
    try:
        loading.begin()
        for name in wanted:
            import_module(name)
        loading.end()
    except BaseException:
        loading.end()  # also if it was interrupted: once more does no harm
        raise


class _Loading:
    """A finder that comes before all others, for modules of this package; the collector rests beside it."""

    def __init__(self) -> None:
        self._collects = gc.isenabled()
        self._freezes = gc.get_freeze_count() < _FROZEN_BY_NOBODY
        self._before = sys.meta_path
        # A list of its own: another thread may be going through the other one.
        self._finders = [self, *self._before]

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, _: object = None) -> ModuleSpec | None:
        """Find a module of this package, as the last of the finders does."""
        return PathFinder.find_spec(name, path) if name.startswith(f"{_ROOT}.") else None

    def begin(self) -> None:
        """Look for modules here first, and for no garbage."""
        gc.disable()
        sys.meta_path = self._finders

    def end(self) -> None:
        """Let everything be as it was, but for finders that others have added or removed."""
        finders = [finder for finder in self._finders if finder is not self]
        if finders != self._before:
            self._before[:] = finders
        if sys.meta_path is self._finders:
            sys.meta_path = self._before
        if self._freezes:
            # The collector takes all objects for old ones: the next look for garbage would go through each of them.
            gc.freeze()
            gc.unfreeze()
        if self._collects:
            gc.enable()


__all__ = ["load"]
