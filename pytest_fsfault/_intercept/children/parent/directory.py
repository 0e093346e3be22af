"""The private directory of a parent: made, kept up and removed here."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from pytest_fsfault._host.originals import ORIGINALS
from pytest_fsfault._host.patience import patiently
from pytest_fsfault._intercept.children.endpoints import Listener
from pytest_fsfault._intercept.children.rendezvous import (
    FAILURE,
    REPORT,
    is_private,
    pack_words,
    read_failure,
    read_private,
    roots_of,
    unpack_words,
    write_private,
)
from pytest_fsfault._intercept.children.shared_page import SharedState

if TYPE_CHECKING:
    from collections.abc import Iterator

_remove, _rmdir, _mkdir, _listdir, _lstat, _rename = (
    ORIGINALS["os", name] for name in ("unlink", "rmdir", "mkdir", "listdir", "lstat", "replace")
)


class PrivateDirectory:
    """A directory of ours alone, with the socket on which children connect, the shared page and the roots.

    Raises:
        OSError: if it was not made.

    """

    def __init__(self, path: str) -> None:
        self.path = path
        _mkdir(self.path, 0o700)
        self._identity = self._look()
        self.published: tuple[str, ...] | None = None
        try:
            self.shared = SharedState(self.path, create=True)
            self.listener = Listener(self.path)
        except BaseException:
            self._remove()
            raise

    def _look(self) -> tuple[int, int] | None:
        try:
            status = _lstat(self.path)
        except OSError:
            return None
        return status.st_dev, status.st_ino

    def is_there(self) -> bool:
        """Return whether it is still the one that was made, and still private."""
        return self._look() == self._identity and is_private(self.path)

    def publish_roots(self, words: tuple[str, ...]) -> None:
        """Write the roots, and what goes before them, where new interpreters read them.

        Raises:
            OSError: if they were not written.

        """
        if words != self.published:
            path = roots_of(self.path)
            with suppress(OSError):
                _remove(f"{path}.new")
            write_private(f"{path}.new", pack_words(words))
            # On Windows a child may be reading it: that takes it microseconds.
            patiently(_rename, f"{path}.new", path)
            self.published = words

    def reports(self) -> Iterator[tuple[str, ...]]:
        """Yield what interpreters have reported that have started since the last time."""
        for path in self._new(REPORT):
            with suppress(OSError):
                words = unpack_words(read_private(path))
                _remove(path)
                yield words

    def failures(self) -> Iterator[str]:
        """Yield a sentence for each process that could not be attached since the last time."""
        for path in self._new(FAILURE):
            with suppress(OSError, ValueError):
                process, reason = read_failure(path)
                _remove(path)
                yield f"process {process} {_APART}: {reason}"

    def _new(self, suffix: str) -> list[str]:
        try:
            names = _listdir(self.path) if self.is_there() else []
        except OSError:
            return []
        return [os.path.join(self.path, name) for name in sorted(names) if name.endswith(suffix)]

    def close(self, *, abandon: bool = False) -> None:
        """Give it up; with `abandon` this is the copy in a forked child, and the files stay."""
        if not abandon:
            self.shared.alive = False
            self._remove()
        kept = self.listener.is_ours()
        self.listener.close()
        self.shared.close(kept=kept)

    def _remove(self) -> None:
        if not self.is_there():
            return
        with suppress(OSError):
            for name in _listdir(self.path):
                with suppress(OSError):
                    patiently(_remove, os.path.join(self.path, name))
            patiently(_rmdir, self.path)


_APART = "met faults only as a native program does, if at all, for as long as it could not be attached"
