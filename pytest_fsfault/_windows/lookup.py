"""Find a file as Windows does: without regard to case, one component after the other."""

from __future__ import annotations

import stat as modes
from typing import TYPE_CHECKING

from pytest_fsfault._windows.names import fold

if TYPE_CHECKING:
    import os

    from pytest_fsfault._core.protocols import Native

Identity = tuple[int, int]
_DIRECTORIES = 1_000


class Place:
    """What stands at a path, a link itself and not what it points to."""

    __slots__ = ("is_directory", "is_link", "parent", "path", "status")

    def __init__(self, path: str, status: os.stat_result | None, parent: int = 0) -> None:
        self.path = path
        self.status = status
        self.parent = parent  # the error that the directory above gives, 0 if it is there
        mode = 0 if status is None else status.st_mode
        self.is_directory = modes.S_ISDIR(mode)
        self.is_link = modes.S_ISLNK(mode)

    @property
    def exists(self) -> bool:
        """Return whether there is anything."""
        return self.status is not None

    @property
    def identity(self) -> Identity:
        """Return device and inode."""
        assert self.status is not None  # noqa: S101  # asked of what exists
        return self.status.st_dev, self.status.st_ino

    @property
    def name(self) -> str:
        """Return the last component."""
        return self.path.rpartition("/")[2]


class Lookup:
    """Paths to places; listings of directories are kept while these do not change."""

    def __init__(self, native: Native, *, case_sensitive: bool) -> None:
        self._native = native
        self._lstat = native.lstat
        self._exact = case_sensitive
        self._listings: dict[str, tuple[int, dict[str, str]]] = {}

    def find(self, path: str) -> Place:
        """Return what stands at `path`, in the spelling that the disk has."""
        try:
            return Place(path, self._lstat(path))
        except OSError:
            return self._search(path)
        except ValueError:
            return Place(path, None)

    def absent(self, path: str) -> bool:
        """Return whether nothing stands at `path`, under whatever spelling, in a directory that is spelled so."""
        above, _, name = path.rpartition("/")
        try:
            status = self._native.stat(above)
        except OSError:
            return False
        return self._exact or fold(name) not in self._names(Place(above, status))

    def follow(self, place: Place) -> Place:
        """Return the place that a link leads to; anything else is its own."""
        if not place.is_link:
            return place
        try:
            return Place(place.path, self._native.stat(place.path))
        except OSError:
            return Place(place.path, None)

    def _search(self, path: str) -> Place:
        above, _, name = path.rpartition("/")
        parent = self.follow(self.find(above or "/"))
        if not parent.is_directory:
            return Place(f"{parent.path.rstrip('/')}/{name}", None, 3)
        real = name if self._exact else self._names(parent).get(fold(name), name)
        found = f"{parent.path.rstrip('/')}/{real}"
        try:
            return Place(found, self._lstat(found))
        except OSError:
            return Place(found, None)

    def _names(self, directory: Place) -> dict[str, str]:
        """Return the names in a directory by what their spellings have in common."""
        assert directory.status is not None  # noqa: S101  # a directory that was found
        changed = directory.status.st_mtime_ns
        known = self._listings.get(directory.path)
        if known is not None and known[0] == changed:
            return known[1]
        try:
            names = {fold(name): name for name in self._native.listdir(directory.path)}
        except OSError:
            names = {}
        if len(self._listings) >= _DIRECTORIES:
            self._listings.clear()
        self._listings[directory.path] = (changed, names)
        return names

    def created(self, path: str) -> None:
        """Take in that `path` is new, so that a directory that grows is not read again each time."""
        above, _, name = path.rpartition("/")
        known = self._listings.get(above)
        if known is not None:
            known[1].setdefault(fold(name), name)
            self._stamp(above, known[1])

    def removed(self, path: str) -> None:
        """Take in that `path` is gone."""
        above, _, name = path.rpartition("/")
        known = self._listings.get(above)
        if known is not None:
            known[1].pop(fold(name), None)
            self._stamp(above, known[1])

    def moved(self, source: str, target: str) -> None:
        """Take in that what was at `source` is at `target` now."""
        above, _, name = source.rpartition("/")
        known = self._listings.get(above)
        if known is not None and target.rpartition("/")[0] == above:
            known[1].pop(fold(name), None)  # one look at the directory is enough
        elif known is not None:
            self.removed(source)
        self.created(target)

    def _stamp(self, directory: str, names: dict[str, str]) -> None:
        try:
            self._listings[directory] = (self._native.stat(directory).st_mtime_ns, names)
        except OSError:
            self._listings.pop(directory, None)
