"""Fast path: allow a plain call without a judge when nothing is held.

Each test here says yes only if the judge of the operation would, and would have the call made as it is.
"""

from __future__ import annotations

import os
import shutil
import stat as modes
from sys import _getframe
from typing import TYPE_CHECKING, Any

from pytest_fsfault._core.engine.interfaces import FastPath
from pytest_fsfault._core.language.operations import O_TEMPORARY
from pytest_fsfault._host.originals import ORIGINALS
from pytest_fsfault._host.processes import has_children
from pytest_fsfault._host.tree_removal import LOOP
from pytest_fsfault._windows import effects

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import FrameType

    from pytest_fsfault._windows.state import WindowsState

_FORMAT = 0o170000
_REGULAR, _DIRECTORY = modes.S_IFREG, modes.S_IFDIR
_WRITABLE = _FORMAT | 0o200
_WRITABLE_FILE = _REGULAR | 0o200
_WRITABLE_DIRECTORY = _DIRECTORY | 0o200

_SHUTIL = shutil.__dict__
# Not every C library can ask about a link itself: musl says of each path that it is not there.
_access = ORIGINALS["os", "access"]
_ITSELF = {"follow_symlinks": False} if _access in os.supports_follow_symlinks else {}
if not _access(os.sep, os.F_OK, **_ITSELF):
    _ITSELF.clear()


class FastPaths:
    """The quick tests by operation; paths with odd names never come here."""

    def __init__(self, state: WindowsState) -> None:
        self._state = state
        self.refused: set[str] = set()  # whose next call is to be judged, so that it is written down
        self._lstat, self._access = state.native.lstat, state.native.access
        self._closed = state.open_files.closed
        self._absent = state.lookup.absent
        self._listings: set[Any] = vars(state.listings)[
            "data"
        ]  # the set itself: its emptiness is asked for at each call
        # The loop that deletes the files of a directory, that directory, and what is open anywhere; and the same once
        # the deletion has succeeded, for the next one. The removal of the directory lets go of the frame.
        self._seeing: tuple[FrameType, str, frozenset[int]] | None = None
        self._seen: tuple[FrameType, str, frozenset[int]] | None = None

    def by_operation(self) -> Mapping[str, FastPath]:
        """Return the quick test of each operation that needs one; they are not kept here, for they know us."""
        lookup = self._state.lookup
        created, removed, moved = lookup.created, lookup.removed, lookup.moved
        return {
            "os.replace": FastPath(self.replace, moved),
            "os.rename": FastPath(self.rename, moved),
            "os.remove": FastPath(self.remove, self._removed),
            "os.rmdir": FastPath(self.rmdir, removed),
            "os.mkdir": FastPath(self.mkdir, self._made),
            "open": FastPath(self.write, created),
            "os.open": FastPath(self.open, created),
        }

    def now(self, paths: Mapping[str, FastPath]) -> Mapping[str, FastPath]:
        """Return these tests of ours, or, while anything is held, others that fail."""
        # We are asked whenever a gate, a rule or a hold has changed.
        self.look_again()
        self._state.lookup.begin_epoch(watchful=has_children())
        calm = self._state.calm and not self._state.on_windows
        return paths if calm else dict.fromkeys(paths, _HELD)

    def replace(self, source: str, target: str) -> bool:
        """Move a plain file onto another one, or to a new name."""
        inode = self._plain(source)
        if not inode:
            return False
        try:
            there = self._lstat(target)
        except OSError:
            return self._absent(target) and self._closed(inode)
        plain = there.st_mode & _WRITABLE == _WRITABLE_FILE and there.st_ino != inode
        return plain and self._closed(inode, there.st_ino)

    def rename(self, source: str, target: str) -> bool:
        """Move a plain file to a new name."""
        inode = self._plain(source)
        # An extension module may have made it, in no listing; a link that leads nowhere is there, too.
        if not inode or self._access(target, os.F_OK, **_ITSELF):
            return False
        return self._absent(target) and self._closed(inode)

    def _plain(self, path: str) -> int:
        """Return the number of a writable file, 0 for whatever needs a closer look."""
        if self._listings or path in self.refused:
            return 0
        try:
            status = self._lstat(path)
        except OSError:
            return 0
        inode: int = status.st_ino
        return inode if status.st_mode & _WRITABLE == _WRITABLE_FILE else 0

    def remove(self, path: str) -> bool:
        """Delete a plain file.

        Between two deletions of one loop of `shutil.rmtree` no other code runs, so that what is open is
        looked at once for the files of a directory: whatever could come in between makes us look again. Not so what
        a signal handler, a finalizer or an audit hook lets C code open in that loop, which raises no event.
        """
        seen, self._seen, self._seeing = self._seen, None, None
        inode = self._plain(path)
        if not inode:
            return False
        try:
            frame = _getframe(3)
        except ValueError:  # called by no function of Python
            return self._closed(inode)
        if frame.f_globals is not _SHUTIL:
            return self._closed(inode)
        folder = path.rpartition("/")[0]
        if seen is None or seen[0] is not frame or seen[1] != folder:
            # A look at the code of a frame is an audit event, unlike one at its names.
            found = self._state.open_files.inodes() if frame.f_code is LOOP else None
            if found is None:
                return self._closed(inode)
            seen = frame, folder, found
        self._seeing = seen
        return inode not in seen[2]

    def _removed(self, path: str) -> None:
        self._seen = self._seeing
        self._state.lookup.removed(path)

    def look_again(self) -> None:
        """Record that other code may have run since the last deletion."""
        self._seen = self._seeing = None

    def rmdir(self, path: str) -> bool:
        """Delete a directory, if it is empty."""
        self.look_again()
        if self._listings or path in self.refused:
            return False
        try:
            status = self._lstat(path)
            here = self._state.native.stat(".").st_ino
        except OSError:
            return False
        return (
            status.st_mode & _WRITABLE == _WRITABLE_DIRECTORY
            and status.st_ino != here
            and self._closed(status.st_ino, directory=True)
        )

    def mkdir(self, path: str) -> bool:
        """Make a directory of a new name."""
        return path not in self.refused and self._absent(path)

    def _made(self, path: str) -> None:
        self._state.lookup.created(path)
        effects.directory_made(self._state, path)

    def write(self, path: str, mode: str) -> bool:
        """Open a plain file for writing, or create one."""
        if path in self.refused:
            return False
        try:
            status = self._lstat(path)
        except OSError:
            return "r" not in mode and self._absent(path)
        plain = status.st_mode & _WRITABLE == _WRITABLE_FILE and "x" not in mode
        return plain and self._state.open_files.unmapped(status.st_ino)

    def open(self, path: str, flags: int) -> bool:
        """Open a plain file, or create one, by flags; exclusively only by other means than `tempfile`'s."""
        if type(flags) is not int or flags & _ODD_FLAGS:
            return False
        if flags & _CHANGING:
            mode = "w" if flags & os.O_CREAT else "r"
            return self.write(path, mode)
        return path not in self.refused and bool(self._plain(path))


# An exclusive creation may be that of a file that goes with its last handle.
_ODD_FLAGS = os.O_EXCL | O_TEMPORARY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_TMPFILE", 0)
_CHANGING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC


def _never(*_: Any) -> bool:
    return False


_HELD = FastPath(_never, _never)
