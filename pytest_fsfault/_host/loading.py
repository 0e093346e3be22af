"""Load many modules of this package at once, in less time than one by one."""

from __future__ import annotations

import gc
import sys
from importlib import import_module

from pytest_fsfault._host.bytecode import BytecodeFinder

_ROOT = __name__.partition(".")[0]
# CPython 3.12 itself sets some hundreds of objects apart from the collector; who calls `gc.freeze` does so with thousands.
_FROZEN_BY_NOBODY = 1_000


def load(*names: str) -> None:
    """Load modules, named as seen from this package, and what these import, unless that is done.

    No garbage is looked for meanwhile: all that is loaded stays.
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
    """The collector rests, and modules of this package are looked for where they are."""

    def __init__(self) -> None:
        self._collects = gc.isenabled()
        self._freezes = gc.get_freeze_count() < _FROZEN_BY_NOBODY
        self._finder = BytecodeFinder()

    def begin(self) -> None:
        """Begin."""
        gc.disable()
        self._finder.__enter__()

    def end(self) -> None:
        """Let everything be as it was; to do so twice does no harm."""
        self._finder.__exit__()
        if self._freezes:
            # The collector takes all objects for old ones: the next look for garbage would go through each of them.
            gc.freeze()
            gc.unfreeze()
        if self._collects:
            gc.enable()


__all__ = ["load"]
