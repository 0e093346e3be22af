"""See what is open on a fake file system: it knows its own open files, and there are no others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from pytest_fsfault._windows.open_files.queries import current
from pytest_fsfault._windows.open_files.runtimes import Sharing
from pytest_fsfault._windows.sharing import ALL, READ, WRITE, Opening

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_fsfault._windows.sharing import Identity

_OURS = "this process"


class FakeFunctions(Protocol):
    """The functions of a fake."""

    def open_files(self) -> Iterator[Any]:
        """Yield what is open: `descriptor`, `path`, `identity`, `is_directory`, `reads`, `writes`."""
        ...

    def getcwd(self) -> str:
        """Return the current directory."""
        ...

    def __getattr__(self, name: str) -> Any:
        """Return any other function."""
        ...


class FakeOpenFiles:
    """What this process has open on a fake, in the form of `OpenFiles`."""

    def __init__(self, native: FakeFunctions) -> None:
        self._native = native
        self.sharing = Sharing()  # of programs, of which none works on a fake

    def note_mapping(self) -> None:
        """Record that something may have been mapped: nothing of a fake can be."""

    def of(self, identity: Identity, *, directory: bool = True) -> list[Opening]:
        """Return who has this very file or directory open; `directory` False says that it is a file."""
        found = [_opening(one, "") for one in self._native.open_files() if one.identity == identity]
        if directory and self._is_current(identity):
            found.append(current(_OURS, ""))
        return found

    def _is_current(self, identity: Identity) -> bool:
        try:
            here = self._native.stat(self._native.getcwd())
        except OSError:  # it was deleted meanwhile
            return False
        return bool((here.st_dev, here.st_ino) == identity)

    def closed(self, *inodes: int, directory: bool = False) -> bool:
        """Return whether surely none of these is open; the directories of a fake are not watched."""
        del directory
        return not any(one.identity[1] in inodes for one in self._native.open_files())

    def inodes(self) -> frozenset[int] | None:
        """Return the numbers of all files that are open."""
        return frozenset([one.identity[1] for one in self._native.open_files()])

    def unmapped(self, *inodes: int) -> bool:
        """Return whether surely none of these is mapped."""
        del inodes
        return True

    def below(self, directory: str) -> list[Opening]:
        """Return what is open strictly below a directory."""
        prefix = f"{directory.rstrip('/')}/"
        files = [one for one in self._native.open_files() if one.path.startswith(prefix)]
        found = [_opening(one, one.path) for one in files]
        here = self._native.getcwd()
        if here.startswith(prefix):
            found.append(current(_OURS, here))
        return found


def _opening(one: Any, path: str) -> Opening:
    who = f"open in {_OURS} (descriptor {one.descriptor})"
    if one.is_directory:
        return Opening(READ, ALL, "directory", who, path)
    access = (READ if one.reads else 0) | (WRITE if one.writes else 0)
    return Opening(access, READ | WRITE, "handle", who, path)
