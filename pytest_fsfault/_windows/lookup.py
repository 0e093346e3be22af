"""Find a file as Windows does: without regard to case, one component after the other."""

from __future__ import annotations

import stat as modes
from typing import TYPE_CHECKING

from pytest_fsfault._core.language.folding import fold

if TYPE_CHECKING:
    import os

    from pytest_fsfault._core.engine.interfaces import NativeFunctions
    from pytest_fsfault._windows.sharing import Identity

_DIRECTORIES = 1_000


class Location:
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


class _Listing:
    """The names in a directory by what their spellings have in common; `epoch` is when they were read.

    `ours` says that we have seen a change of the directory since, and have taken it in.
    """

    __slots__ = ("changed", "epoch", "names", "ours")

    def __init__(self, names: dict[str, str], changed: int, epoch: int) -> None:
        self.names = names
        self.changed = changed
        self.epoch = epoch
        self.ours = False


class Lookup:
    """Paths to places; listings of directories are kept.

    Within one epoch all changes come by here, but for those of extension modules, which raise no audit event: a second
    spelling of a name that one of these made is overlooked. A new epoch begins when a child is started, a call got past
    us, or the gate was shut; a listing from before is good while its directory has not changed.
    """

    def __init__(self, native: NativeFunctions, *, case_sensitive: bool, remembers: bool = True) -> None:
        self._native = native
        self._lstat = native.lstat
        self._exact = case_sensitive
        self._remembers = remembers  # else the times of directories do not tell that they have changed
        self._epoch = 0
        self._watchful = False  # while children may live, no listing is taken on trust
        self._listings: dict[str, _Listing] = {}

    def find(self, path: str) -> Location:
        """Return what stands at `path`, in the spelling that the disk has."""
        try:
            return Location(path, self._lstat(path))
        except OSError:
            return self._search(path)
        except ValueError:
            return Location(path, None)

    def absent(self, path: str) -> bool:
        """Return whether nothing stands at `path`, which `lstat` did not find, under another spelling either.

        In doubt, and in a directory that is itself found under another spelling, return False.
        """
        above, _, name = path.rpartition("/")
        known = self._listings.get(above)
        if known is None or known.epoch != self._epoch or self._watchful:
            try:
                known = self._listing(above, self._native.stat(above))
            except OSError:
                return False
        return self._exact or fold(name) not in known.names

    def follow(self, location: Location) -> Location:
        """Return the place that a link leads to; anything else is its own."""
        if not location.is_link:
            return location
        try:
            return Location(location.path, self._native.stat(location.path))
        except OSError:
            return Location(location.path, None)

    def _search(self, path: str) -> Location:
        """Return what stands at a path that `lstat` did not find: look for each component below what is there."""
        missing = []
        above = path
        while True:
            above, _, name = above.rpartition("/")
            missing.append(name)
            try:
                here = Location(above or "/", self._lstat(above or "/"))
                break
            except (OSError, ValueError):
                if not above:
                    return Location(path, None, 3)
        for name in reversed(missing):
            here = self._below(self.follow(here), name, spelled=here.path == above or not above)
            above = f"{above}/{name}"
        return here

    def _below(self, parent: Location, name: str, *, spelled: bool) -> Location:
        """Return what a directory has by this name; `spelled` says that its own path is as it was asked for."""
        top = parent.path.rstrip("/")
        if parent.status is None or not parent.is_directory:
            return Location(f"{top}/{name}", None, 3)
        if not self._exact:
            real = self._listing(parent.path, parent.status).names.get(fold(name), name)
            if real != name or not spelled:
                try:
                    return Location(f"{top}/{real}", self._lstat(f"{top}/{real}"))
                except OSError:
                    self._listings.pop(parent.path, None)  # another process has changed it
        return Location(f"{top}/{name}", None)

    def _listing(self, directory: str, status: os.stat_result) -> _Listing:
        known = self._listings.get(directory)
        if known is not None and self._is_good(known, status.st_mtime_ns):
            known.changed, known.epoch, known.ours = status.st_mtime_ns, self._epoch, False
            return known
        try:
            names = {fold(name): name for name in self._native.listdir(directory)}
        except OSError:
            names = {}
        if len(self._listings) >= _DIRECTORIES:
            self._listings.clear()
        found = self._listings[directory] = _Listing(names, status.st_mtime_ns, self._epoch)
        return found

    def _is_good(self, known: _Listing, changed: int) -> bool:
        """Return whether a listing still holds: nothing has changed, or nothing but what came by here.

        Without the latter each rename in a directory of 4,000 files would read all of their names again.
        """
        if known.ours and known.epoch == self._epoch and not self._watchful:
            return True
        return known.changed == changed and self._remembers

    def begin_epoch(self, *, watchful: bool | None = None) -> None:
        """Record that others may have changed anything, and go on doing so while we are to be `watchful`."""
        self._epoch += 1
        if watchful is not None:
            self._watchful = watchful

    def created(self, path: str) -> None:
        """Record that `path` is new, so that a directory that grows is not read again each time."""
        above, _, name = path.rpartition("/")
        known = self._listings.get(above)
        if known is not None:
            known.names.setdefault(fold(name), name)
            known.ours = True

    def removed(self, path: str) -> None:
        """Record that `path` is gone."""
        above, _, name = path.rpartition("/")
        known = self._listings.get(above)
        if known is not None:
            known.names.pop(fold(name), None)
            known.ours = True

    def moved(self, source: str, target: str) -> None:
        """Record that what was at `source` is at `target` now; what `removed` and `created` do, at once."""
        above, _, name = source.rpartition("/")
        top, _, other = target.rpartition("/")
        known = self._listings.get(above)
        if known is not None:
            known.names.pop(fold(name), None)
            known.ours = True
        if top != above:
            known = self._listings.get(top)
        if known is not None:
            known.names.setdefault(fold(other), other)
            known.ours = True
