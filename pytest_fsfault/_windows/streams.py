"""Keep the alternate data streams of files, which the host's file system does not have, in files of their own.

Sources: secfs.test winfstest/t/streams 00 to 04; Microsoft, "File Streams"; WinFsp tst/winfsp-tests/stream-tests.c
stream_create_overwrite_dotest (a file that is created anew loses them; nodejs/node#18549 as well) and
stream_create_share_dotest (what a file and its streams share).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pytest_fsfault._core.language.folding import fold
from pytest_fsfault._windows.sharing import DELETE

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_fsfault._core.engine.interfaces import NativeFunctions
    from pytest_fsfault._windows.lookup import Location, Lookup
    from pytest_fsfault._windows.sharing import Identity, Opening


class Streams:
    """The alternate data streams of one file system: a stream lives as long as its file."""

    def __init__(self, native: NativeFunctions, lookup: Lookup, changed: Callable[[], None]) -> None:
        self._native = native
        self._lookup = lookup
        self._changed = changed  # called when the first stream is there, and when none is there any more
        self._homes: dict[Identity, str] = {}

    def __bool__(self) -> bool:
        return bool(self._homes)

    @property
    def owners(self) -> frozenset[Identity]:
        """The files that have a stream."""
        return frozenset(self._homes)

    def locate(self, identity: Identity, stream: str) -> Location:
        """Return where a stream of a file is kept, whether or not it exists."""
        home = self._homes.get(identity)
        if home is None:
            home = (
                f"{self._native.gettempdir()}/fsfault-{os.getpid()}-{id(self):x}-{identity[0]}-{identity[1]}"
            )
            self._native.mkdir(home)
            self._homes[identity] = home
            self._changed()
        return self._lookup.find(f"{home}/{fold(stream)}")

    def others(self, location: Location) -> list[tuple[Identity, bool]]:
        """Return the streams of a file, or the file of a stream, and whether it is the file."""
        home = location.path.rpartition("/")[0]
        found = [(identity, True) for identity, path in self._homes.items() if path == home]
        if location.exists and location.identity in self._homes:
            home = self._homes[location.identity]
            names = self._native.listdir(home)
            found += [(self._lookup.find(f"{home}/{name}").identity, False) for name in names]
        return found

    def copied(self, source: Identity, target: Location) -> None:
        """Give a copy of a file the streams that the file has: CopyFile2 does, nothing else."""
        home = self._homes.get(source)
        for name in self._native.listdir(home) if home is not None and target.exists else ():
            with self._native.open_file(f"{home}/{name}", "rb") as reading:
                content = reading.read()
            with self._native.open_file(self.locate(target.identity, name).path, "wb") as writing:
                writing.write(content)

    def gone(self, identity: Identity) -> None:
        """Record that a file is gone, and its streams with it."""
        home = self._homes.pop(identity, None)
        if home is not None:
            for name in self._native.listdir(home):
                self._native.unlink(f"{home}/{name}")
            self._native.rmdir(home)
            self._changed()

    def close(self) -> None:
        """Forget all streams."""
        for identity in list(self._homes):
            self.gone(identity)


def conflict(access: int, share: int, there: Opening, *, of_file: bool) -> bool:
    """Return whether opening a file conflicts with how its stream is open, or a stream's with its file (`of_file`).

    They meet in deletion alone: who opens the file for it needs every stream shared for it.
    """
    if of_file:
        return bool(access and there.access & DELETE and not share & DELETE)
    return bool(there.access and access & DELETE and not there.share & DELETE)
