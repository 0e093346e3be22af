"""The watched directories, of which some may be links to others."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_fsfault._core.engine.interfaces import NativeFunctions


class Roots:
    """Know by which paths the system knows what lies below the watched directories."""

    def __init__(self, native: NativeFunctions) -> None:
        self._native = native
        self._paths: tuple[str, ...] = ()
        self._links: (
            list[tuple[str, str]] | None
        ) = []  # with what they stand for; None: they were not looked at

    def follow(self, paths: Iterable[str]) -> None:
        """Note which directories are watched; they are looked at when a path is first asked for."""
        self._paths, self._links = tuple(paths), None

    def leave_out(self, path: str) -> bool:
        """Return whether a path is below none of them, by what it really is as well; False if none is known."""
        roots = [form for root in self._paths for form in self._forms(root)]
        return bool(roots) and not any(one.startswith(root) for one in self._forms(path) for root in roots)

    def _forms(self, path: str) -> list[str]:
        """Return a directory as it is spelled, and as it really is, in a form that can be compared."""
        forms = (path, str(self._native.realpath(path)))
        return [os.path.normcase(form).replace("\\", "/").rstrip("/") + "/" for form in forms]

    def real(self, path: str) -> str:
        """Return a path below a root as the system knows it: holds and descriptors are known by real paths."""
        if self._links is None:
            pairs = [(root, str(self._native.realpath(root))) for root in self._paths]
            self._links = [(root, real) for root, real in pairs if root != real]
        for given, real in self._links:
            if path.startswith(f"{given}/"):
                return real + path[len(given) :]
        return path
