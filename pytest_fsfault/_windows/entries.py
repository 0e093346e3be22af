"""What `os.scandir` yields: entries that show the status of a file as Windows does."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from pytest_fsfault._core.engine.status import entry_status

if TYPE_CHECKING:
    from collections.abc import Callable


class DirEntry:
    """One name of a directory; for `isinstance` it is an `os.DirEntry`."""

    __slots__ = ("_real", "_show", "name", "path")

    def __init__(self, real: Any, show: Callable[[Any, object], Any], path: str | bytes) -> None:
        self._real = real
        self._show = show
        self.name = real.name
        self.path = path

    @property  # type: ignore[misc]
    def __class__(self) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride, reportIncompatibleVariableOverride, reportGeneralTypeIssues]
        return os.DirEntry

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)  # such as `is_junction`, where there is one

    def __fspath__(self) -> Any:
        return self.path

    def __repr__(self) -> str:
        return repr(self._real)

    def is_dir(self, *, follow_symlinks: bool = True) -> Any:
        """Return whether it is a directory."""
        return self._real.is_dir(follow_symlinks=follow_symlinks)

    def is_file(self, *, follow_symlinks: bool = True) -> Any:
        """Return whether it is a file."""
        return self._real.is_file(follow_symlinks=follow_symlinks)

    def is_symlink(self) -> Any:
        """Return whether it is a symbolic link."""
        return self._real.is_symlink()

    def inode(self) -> Any:
        """Return the number of the file, which a listing does not tell: what is gone is not found.

        Source: CPython Lib/test/test_os.py TestScandir.test_removed_file.
        """
        return os.lstat(self.path).st_ino

    def stat(self, *, follow_symlinks: bool = True) -> Any:
        """Return the status; what a listing does not tell is zero, unless a link was followed."""
        link = self._real.is_symlink()
        # A listing does not make a program of what has its ending: CPython asks for the path in `os.stat` alone.
        found = self._show(self._real.stat(follow_symlinks=follow_symlinks), self.path if link else None)
        return found if follow_symlinks and link else entry_status(found)
