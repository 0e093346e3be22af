"""What Windows knows of a file, and the host's file system does not: attributes, and for what a link was made."""

from __future__ import annotations

from operator import attrgetter
from stat import S_IFLNK
from typing import TYPE_CHECKING, Any

from pytest_fsfault._core.engine.status import plain_status, windows_status
from pytest_fsfault._windows.lookup import Location

if TYPE_CHECKING:
    from pytest_fsfault._windows.lookup import Lookup
    from pytest_fsfault._windows.sharing import Identity

# What can differ between two statuses whose ten items are equal, of what Windows shows.
_rest: Any = attrgetter("st_atime_ns", "st_mtime_ns", "st_ctime_ns")
_WRITABLE, _TYPE = 0o200, 0o170000
_NONE: frozenset[str] = frozenset()
# How many statuses are remembered at the most.
_MOST = 1 << 12


class Attributes:
    """The attributes of the files of one file system.

    That a file is read-only stands in its real mode. A directory has the attribute of its own: it takes new names
    all the same; and so has a link.
    """

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self._known: dict[Identity, frozenset[str]] = {}
        # Whether a link was made for a directory: what it leads to may be gone.
        self.links: dict[Identity, bool] = {}
        # By path: the latest status, and how it is shown, of what is no link, as long as nothing has an attribute.
        self._shown: dict[object, tuple[Any, Any]] = {}

    def __bool__(self) -> bool:
        return bool(self._known)

    def of(self, location: Location) -> frozenset[str]:
        """Return those attributes that the real file cannot hold."""
        return self._known.get(location.identity, _NONE) if self._known else _NONE

    def readonly(self, location: Location) -> bool:
        """Return whether a file, directory or link has the read-only attribute."""
        own = "readonly" in self.of(location)
        if own or location.is_link:
            return own
        assert location.status is not None  # noqa: S101  # asked of what exists
        return not location.status.st_mode & _WRITABLE

    def set(self, location: Location, name: str, value: bool) -> None:
        """Give an attribute, or take it away."""
        there = self.of(location)
        self._known[location.identity] = there | {name} if value else there - {name}

    def is_directory_link(self, location: Location) -> bool:
        """Return whether a link was made for a directory: on Windows it is one itself then."""
        if not location.is_link:
            return False
        known = self.links.get(location.identity)
        return self._lookup.follow(location).is_directory if known is None else known

    # Hot: each status of a pretended Windows comes by here.
    def show(self, found: Any, path: object) -> Any:
        """Return a status as Windows shows it; `path`, if it is a text, is where the file was found."""
        known = self._shown.get(path)
        if known is not None and not self._known:
            before, shown = known
            # Of a file that was written under virtual time the very same object comes again.
            if before is found or (before == found and _rest(before) == _rest(found)):
                return shown
        return self._show(found, path)

    def _show(self, found: Any, path: object) -> Any:
        """Return what `show` does of a status that is not remembered."""
        link = found[0] & _TYPE == S_IFLNK
        if not (self._known or link):
            made = plain_status(found, path)
            if path is not None:
                if len(self._shown) >= _MOST:
                    self._shown.clear()
                self._shown[path] = found, made
            return made
        location = Location(path if isinstance(path, str) else "", found)
        directory = link and bool(location.path) and self.is_directory_link(location)
        return windows_status(found, path, self.of(location), directory_link=directory)

    def forget(self, identity: Identity) -> None:
        """Record that a file is gone: the system will give its number to another."""
        self._known.pop(identity, None)
        self.links.pop(identity, None)

    def mark(self) -> tuple[dict[Identity, frozenset[str]], dict[Identity, bool]]:
        """Return what `rewind` goes back to."""
        return dict(self._known), dict(self.links)

    def rewind(self, mark: tuple[dict[Identity, frozenset[str]], dict[Identity, bool]] | None) -> None:
        """Go back to what was known at a mark, or to nothing."""
        known, links = mark or ({}, {})
        self._known, self.links = dict(known), dict(links)
