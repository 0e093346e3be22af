"""The watched directories, of which some may be links to others."""

from __future__ import annotations

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

    def real(self, path: str) -> str:
        """Return a path below a root as the system knows it: holds and descriptors are known by real paths."""
        if self._links is None:
            pairs = [(root, str(self._native.realpath(root))) for root in self._paths]
            self._links = [(root, real) for root, real in pairs if root != real]
        for given, real in self._links:
            if path.startswith(f"{given}/"):
                return real + path[len(given) :]
        return path
