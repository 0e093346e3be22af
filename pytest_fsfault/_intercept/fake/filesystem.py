"""The fake file system that is in force: its paths, its own functions, and which calls on it are ours to decide."""

from __future__ import annotations

import ntpath
import os
import posixpath
import threading
from contextlib import contextmanager
from string import ascii_uppercase
from typing import TYPE_CHECKING, Any

from pytest_fsfault._core.language.globs import has_drive
from pytest_fsfault._core.language.roots import absolute, within
from pytest_fsfault._intercept.fake.buffers import drop
from pytest_fsfault._intercept.fake.isolation import patcher

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pytest_fsfault._intercept.calls.state import InterceptState

#: Nothing real can be hit: where no roots are named, all of a fake is watched, on whatever drive.
WHOLE = ("/", *(f"{letter}:" for letter in ascii_uppercase))


# The last one that was asked for: a process has one fake at a time, and who is gone must not be kept.
_latest: list[FakeFileSystem] = []


def filesystem_of(patcher: Any) -> FakeFileSystem:
    """Return the file system that a patcher has put in force, the same object as long as it is the same."""
    found = _latest[0] if _latest else None
    if found is None or found.filesystem is not patcher.fs or found.os is not patcher.fake_modules["os"]:
        found = FakeFileSystem(patcher)
        _latest[:] = [found]
    return found


def in_force() -> FakeFileSystem | None:
    """Return the fake file system that the code under test has now, None if that is the real one."""
    there = patcher()
    return None if there is None else filesystem_of(there)


class FakeFileSystem:
    """One fake file system, as the code under test sees it.

    `state` is that of the wrappers which stand before its functions: it is there once they do.
    """

    state: InterceptState
    knows_temporary = False  # pyfakefs has its own way to delete them

    def __init__(self, patcher: Any) -> None:
        self.filesystem = patcher.fs
        self.modules = patcher.fake_modules
        self.os = patcher.fake_modules["os"]
        self._threads: set[int] = set()

    # Whose calls are ours to decide.

    def watches(self, filesystem: Any) -> bool:
        """Return whether a call on a file system of pyfakefs may be decided: it is this one, and not its own."""
        state = self.state
        if not state.on_fake or state.shut or filesystem is not self.filesystem:
            return False
        if threading.get_ident() in self._threads or state.works_for_us():
            return False
        return any(engine.gate for engine in state.engines)

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Let pyfakefs work in the block, in this thread: its own calls are not intercepted."""
        me = threading.get_ident()
        if me in self._threads:
            yield
            return
        self._threads.add(me)
        try:
            yield
        finally:
            self._threads.discard(me)

    # What stands in for the real file system where a change outside the roots is refused.

    def spelt(self, directories: Iterable[str]) -> tuple[str, ...]:
        """Return directories of whatever system as they are named here."""
        return self.roots(tuple(directories))

    def is_passing(self, operation: str, descriptor: int) -> bool:
        """Return whether nothing of a tree is changed through a descriptor: its file has no name any more."""
        del operation
        files = self.filesystem.open_files
        there = files[descriptor] if 0 <= descriptor < len(files) else None
        return getattr(there[0].get_object() if there else None, "st_nlink", 0) == 0

    # Paths.

    @property
    def is_windows(self) -> bool:
        """Whether paths have drives and backslashes."""
        return bool(self.filesystem.is_windows_fs)

    def resolve(self, path: Any, directory: int | None = None) -> tuple[str | None, Any]:
        """Return a path argument as an absolute path, separated by ``/``, and as an error shows it.

        Raise TypeError, as the real function would, for an object that is not a path.
        """
        if isinstance(path, int):
            return self.path_of(path), path
        shown = os.fspath(path)
        text = os.fsdecode(shown)
        if "\0" in text or text == self.filesystem.devnull:  # which is no file to a fake
            return None, shown
        base = self.cwd if directory is None else self.path_of(directory)
        return (None if base is None else self.absolute(text, base)), shown

    def absolute(self, text: str, base: str | None = None) -> str:
        """Return a path as seen from a directory, the current one unless given."""
        separator = self.filesystem.path_separator
        if separator not in "/\\":
            text = text.replace(separator, "/")
        base = self.cwd if base is None else base
        if not self.is_windows:
            return absolute(text, base, posixpath)
        if not ntpath.splitdrive(text)[0] and not text:
            return base
        found = absolute(text, base.replace("/", "\\"), ntpath)
        # A drive is one, however it is written.
        found = found[0].upper() + found[1:] if found[1:2] == ":" else found
        return found.rstrip("/") if len(found) == 3 and found[1] == ":" else found  # noqa: PLR2004  # C:/

    @property
    def cwd(self) -> str:
        """The current directory, separated by ``/``."""
        found = str(self.filesystem.cwd).replace(self.filesystem.path_separator, "/")
        return found or "/"

    def native_path(self, path: str) -> str:
        """Return an absolute path as the fake writes it."""
        if has_drive(f"{path}/") and len(path) == 2:  # noqa: PLR2004  # C:
            path += "/"
        return path.replace("/", str(self.filesystem.path_separator))

    def path_of(self, descriptor: int) -> str | None:
        """Return the path of an open file, None for what is not a file or not open."""
        files = self.filesystem.open_files
        there = files[descriptor] if 0 <= descriptor < len(files) else None
        found = there[0].get_object() if there else None
        path = getattr(found, "path", None)
        return None if path is None else self.absolute(os.fsdecode(path))

    def writes(self, descriptor: Any) -> bool:
        """Return whether a descriptor was opened for writing."""
        files = self.filesystem.open_files
        there = files[descriptor] if isinstance(descriptor, int) and 0 <= descriptor < len(files) else None
        return any(getattr(one, "allow_update", False) for one in there or ())

    def is_directory(self, path: str) -> bool:
        """Return whether there is a directory at an absolute path."""
        with self.inside():
            return bool(self.filesystem.isdir(self.native_path(path)))

    def open_files(self) -> Iterator[tuple[int, Any]]:
        """Yield what is open by this process, but for its standard streams: the descriptor and pyfakefs's wrapper."""
        for number, there in enumerate(list(self.filesystem.open_files)):
            for one in there or ():
                if hasattr(one, "file_path"):
                    yield number, one

    def forget_below(self, roots: tuple[str, ...], *, closing: bool = False) -> None:
        """Forget what was written to files below some directories and has not arrived; close them, if asked to."""
        for number, one in list(self.open_files()):
            path = self.path_of(number)
            if path is None or not within(path, roots):
                continue
            with self.inside():
                if "allow_update" in vars(one):
                    drop(one)
                if closing:
                    one.close_fd(number)

    def is_open(self, path: str) -> bool:
        """Return whether this process has the file at a path open."""
        return any(self.path_of(number) == path for number, _ in self.open_files())

    def forms(self, root: Any) -> tuple[str, str]:
        """Return a path as given and as its real path, both absolute."""
        given = self.absolute(os.fsdecode(os.fspath(root)))
        return given, self.real(given)

    def real(self, path: str, *, follows: bool = True) -> str:
        """Return the real path of an absolute one; unless `follows`, a link in its last component stays one."""
        if not follows:
            head, _, name = path.rpartition("/")
            return f"{self.real(head or '/').rstrip('/')}/{name}"
        with self.inside():
            function = type(self.os.path).realpath
            found = getattr(function, "__wrapped__", function)(self.os.path, self.native_path(path))
        return self.absolute(found)

    def roots(self, named: tuple[str, ...] | None) -> tuple[str, ...]:
        """Return what is watched here of the named roots, of any system; everything if none were named."""
        if named is None:
            return WHOLE
        found: dict[str, None] = {}
        for text in named:
            if has_drive(text.replace("\\", "/")):
                found[self._drive(text)] = None
                continue
            found.update(dict.fromkeys(self.forms(text)))
            if text.startswith("/"):  # of whatever system the fake is made yet
                plain = absolute(text, "/", posixpath)
                found.update(dict.fromkeys((plain, f"C:{plain}".rstrip("/"))))
        return tuple(found)

    def _drive(self, text: str) -> str:
        plain = absolute(text, "C:\\", ntpath)
        return (plain[0].upper() + plain[1:]).rstrip("/")
