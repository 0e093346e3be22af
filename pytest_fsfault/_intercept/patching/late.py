"""Patches for modules that may be loaded later than ours, each made once."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import ModuleType

    from pytest_fsfault._intercept.patching.patches import Patch

_Key = TypeVar("_Key")
_REAL = {"os": os}


def loaded(name: str) -> ModuleType | None:
    """Return a module if it is loaded: the real one, though a fake file system has its own in `sys.modules`."""
    return _REAL.get(name) or sys.modules.get(name)


class LatePatches(Generic[_Key]):
    """The patches of some keys, each made once its module is loaded, and offered until they are in place.

    An exception from outside (a signal handler's, `KeyboardInterrupt`) may come between any two steps: whatever
    was not taken to its end is offered again, as the same objects, so that nothing is left out for ever, and
    nothing is wrapped twice.

    `make` returns the patches of a key, None while that is too early; `module` names the module that it waits for.
    """

    def __init__(
        self,
        keys: Iterable[_Key],
        make: Callable[[_Key], list[Patch] | None],
        module: Callable[[_Key], str] = str,
    ) -> None:
        self._make = make
        self._module = module
        self._waiting = list(keys)
        self._modules = frozenset(map(module, self._waiting))
        self._made: dict[_Key, list[Patch]] = {}

    def awaited(self) -> list[_Key]:
        """Return the keys whose patches are not in place so far."""
        return list(self._waiting)

    def cover(self, put: Callable[[list[Patch]], object]) -> None:
        """Let `put` take the patches of those that `make` can make by now; it may get the same ones again."""
        if sys.modules.keys().isdisjoint(self._modules):  # as nearly always
            return
        for key in tuple(self._waiting):
            patches = self._made.get(key)
            if patches is None:
                patches = self._make(key)
                if patches is None:
                    continue
                self._made[key] = patches
            put(patches)
            self._waiting.remove(key)
            self._modules = frozenset(map(self._module, self._waiting))
