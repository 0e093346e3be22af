"""Meet an import of pyfakefs that comes while a session is open."""

from __future__ import annotations

import sys
from importlib.machinery import PathFinder
from typing import TYPE_CHECKING, Any

from pytest_fsfault._intercept.fake.isolation import HOME

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from importlib.machinery import ModuleSpec
    from types import ModuleType

_PACKAGE = HOME.partition(".")[0]
# What setuptools calls the finder of a checkout that it has installed.
_OF_CHECKOUTS = "_EditableFinder"


class Finder:
    """Find pyfakefs as everybody else does; load it with the real functions in place, and tell when it is there.

    It keeps what it finds at its import, such as `open`, and whether `shutil` has a fast copy.
    """

    def __init__(self, aside: Callable[[], AbstractContextManager[None]], loaded: Callable[[], None]) -> None:
        self._aside = aside
        self._loaded = loaded
        self._asking = False
        self._watching = False
        self._searched: tuple[str, ...] | None = None  # the path on which no pyfakefs was

    def find_spec(
        self, name: str, path: object = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the specification of a module of pyfakefs, None for all others."""
        del path, target
        if self._asking or not self._watching or name.partition(".")[0] != _PACKAGE:
            return None
        from importlib.util import find_spec  # noqa: PLC0415  # for who imports pyfakefs

        self._asking = True
        try:
            spec = find_spec(name)
        finally:
            self._asking = False
        if spec is not None and spec.loader is not None:
            wrapped: Any = _Loader(spec.loader, self._aside, self._loaded)
            spec.loader = wrapped
        return spec

    def watch(self) -> None:
        """Install this finder before all others, if there is a pyfakefs to be found.

        A program may look at the list, at its first item above all.
        """
        self._watching = True
        path = (*sys.path,)
        if self not in sys.meta_path and path != self._searched:
            if _is_installed():
                sys.meta_path.insert(0, self)
            else:
                self._searched = path

    def unwatch(self) -> None:
        """Remove this finder; it finds nothing where a program puts an older list back."""
        self._watching = False
        if self in (sys.meta_path or ()):  # none at the interpreter's end
            sys.meta_path.remove(self)


def _is_installed() -> bool:
    """Return whether pyfakefs can be imported, by a look that asks no finder of the program's."""
    finders = [one for one in sys.meta_path if one is PathFinder or _name(one) == _OF_CHECKOUTS]
    return any(finder.find_spec(_PACKAGE, None) is not None for finder in finders)


def _name(finder: object) -> str | None:
    return getattr(finder, "__name__", None)


class _Loader:
    """Load one module aside from the wrappers; what it leaves behind does not know of us."""

    def __init__(
        self, real: Any, aside: Callable[[], AbstractContextManager[None]], loaded: Callable[[], None]
    ) -> None:
        self._real = real
        self._aside = aside
        self._loaded = loaded

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Make the module as its own loader does."""
        spec.loader = self._real
        found: ModuleType | None = self._real.create_module(spec)
        spec.loader = self  # type: ignore[assignment]  # has what is asked of a loader
        return found

    def exec_module(self, module: ModuleType) -> None:
        """Run the module."""
        module.__loader__ = self._real
        if module.__spec__ is not None:
            module.__spec__.loader = self._real
        with self._aside():
            self._real.exec_module(module)
        if module.__name__ == HOME:
            self._loaded()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)
