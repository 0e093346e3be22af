"""Keep the alternate data streams of files, which the host's file system does not have, in files of their own.

Sources: secfs.test winfstest/t/streams 00 to 04; Microsoft, "File Streams".
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pytest_fsfault._windows.names import fold

if TYPE_CHECKING:
    from pytest_fsfault._core.engine.interfaces import NativeFunctions
    from pytest_fsfault._windows.lookup import Location, Lookup
    from pytest_fsfault._windows.sharing import Identity


class Streams:
    """The alternate data streams of one file system: a stream lives as long as its file."""

    def __init__(self, native: NativeFunctions, lookup: Lookup) -> None:
        self._native = native
        self._lookup = lookup
        self._homes: dict[Identity, str] = {}

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
        return self._lookup.find(f"{home}/{fold(stream)}")

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

    def close(self) -> None:
        """Forget all streams."""
        for identity in list(self._homes):
            self.gone(identity)
