"""The fresh directory of one row: its files, its names, and who holds what there."""

from __future__ import annotations

import filecmp
import glob
import io
import logging
import mmap
import os
import shutil
import sys
import tempfile
import zipfile
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from functools import partial

    from pytest_fsfault._commands.conformance.filesystems import FileSystem
    from pytest_fsfault._commands.conformance.other_process import OtherProcess

OTHER = b"other-data"
CONTENT = b"data-f-0123456789"
GONE = "<D gone>"

# The helpers of rows. They are source, since what stands in a file of this package is no code under test.
_CALLBACK = "onexc" if sys.version_info >= (3, 12) else "onerror"
_HELPERS = f"""
def _raise(error):
    raise error

def _rmtree_cb(path):
    errors = []
    shutil.rmtree(path, {_CALLBACK}=lambda *found: errors.append(found))
    return errors
"""
_COMPILED = compile(_HELPERS, "<op>", "exec")
_MODULES = (os, io, shutil, tempfile, zipfile, glob, mmap, logging, filecmp)


class Held(Protocol):
    """What is held."""

    def close(self) -> object:
        """Close it."""
        ...


class Others(Protocol):
    """The other users of the files: the model's declared holders, or real ones."""

    def hold(self, path: str, access: str = "r", share: str = "rw") -> Held:
        """Pretend that another process has `path` open."""
        ...

    def run(self, path: str) -> Held:
        """Let the program at `path` run."""
        ...

    def load(self, path: str) -> Held:
        """Let the library at `path` be loaded."""
        ...

    def map(self, path: str, access: str = "rw") -> Held:
        """Let `path` be mapped, without a handle."""
        ...

    def set_attributes(
        self, path: str, readonly: bool | None = None, hidden: bool | None = None, system: bool | None = None
    ) -> None:
        """Set attributes of `path`."""


class RowWorkspace:
    """One directory `D`, with the names of the README of the record: `p`, `t`, `n`, `d` and `F`.

    Its own work on files goes through the real functions; what `do` and `keep` run is code under test, which
    the model sees as it sees a user's.
    """

    def __init__(self, directory: str, filesystem: FileSystem, others: Others, other: OtherProcess) -> None:
        self.directory = directory
        self._filesystem = filesystem
        self._native = filesystem.native
        self.others = others
        self.other = other
        #: False where the holder refuses even the listing of `p`: one has to let go before looking.
        self.listable = True
        #: Sizes of real programs, and those that the record has in their place.
        self.sizes: dict[int, int] = getattr(others, "sizes", {})
        self._ending = ExitStack()
        self._native.mkdir(directory)
        self.names: dict[str, Any] = {
            **_base(filesystem.modules),
            "D": directory,
            "p": self.path("f.txt"),
            "t": self.write("other.txt", OTHER),
            "n": self.path("new.txt"),
            "d": self.mkdir("dir"),
            "F": self.path("F.TXT"),
        }

    @property
    def p(self) -> Any:
        """The path that rows are about."""
        return self.names["p"]

    def path(self, name: str) -> str:
        """Return the path of a name with slashes below the directory."""
        separator = self._filesystem.separator
        return self.directory + separator + name.replace("/" if separator == "\\" else "\\", separator)

    def write(self, name: str, content: bytes) -> str:
        """Make a file, and return its path."""
        path = self.path(name)
        with self._native.open_file(path, "wb") as file:
            file.write(content)
        return path

    def mkdir(self, name: str) -> str:
        """Make a directory, and return its path."""
        path = self.path(name)
        self._native.mkdir(path)
        return path

    def do(self, source: str) -> None:
        """Run statements as code under test."""
        exec(compile(source, "<state>", "exec"), self.names)  # noqa: S102  # the table of states is ours

    def keep(self, source: str) -> None:
        """Keep what an expression of the code under test returns: a file, a mapping, a descriptor."""
        kept = eval(compile(source, "<state>", "eval"), self.names)  # noqa: S307  # as above
        let_go = self._native.close if isinstance(kept, int) else kept.close
        self._ending.callback(_quietly, let_go, *_only(kept))

    def held(self, hold: Held) -> None:
        """Close `hold` when the row is over."""
        self._ending.callback(hold.close)

    def ending(self, action: partial[Any]) -> None:
        """Do something when the row is over."""
        self._ending.callback(action)

    def close(self) -> None:
        """Close everything, the last first."""
        self._ending.close()

    def tree(self) -> dict[str, int]:
        """Return each name below the directory with its size; a directory's ends in ``/`` and has none."""
        found: dict[str, int] = {}
        try:
            if self._filesystem.modules:
                found = self._native.sizes(self.directory)
            else:
                _look(self._native, self.directory, "", found)
        except FileNotFoundError:
            return {GONE: 0}
        return {name: self.sizes.get(size, size) for name, size in found.items()}


def effect(before: dict[str, int], after: dict[str, int]) -> list[str]:
    """Return the change between two trees as a record writes it: what went, what came, what has another size."""
    went = [f"-{name}" for name in sorted(before.keys() - after.keys())]
    came = [f"+{name}({after[name]})" for name in sorted(after.keys() - before.keys())]
    both = sorted(name for name in before.keys() & after.keys() if before[name] != after[name])
    return [*went, *came, *(f"~{name}({before[name]}->{after[name]})" for name in both)]


def _quietly(let_go: Callable[..., object], *arguments: int) -> None:
    # pyfakefs has something against closing a file that others have made longer or shorter.
    with suppress(OSError):
        let_go(*arguments)


def _only(kept: Any) -> tuple[int, ...]:
    return (kept,) if isinstance(kept, int) else ()


def _look(native: Any, directory: str, prefix: str, found: dict[str, int]) -> None:
    with native.scandir(directory) as entries:
        for entry in entries:
            name = prefix + entry.name
            if not entry.is_dir(follow_symlinks=False):
                found[name] = entry.stat(follow_symlinks=False).st_size
                continue
            found[name + "/"] = 0
            try:
                _look(native, entry.path, name + "/", found)
            except PermissionError:  # held without sharing anything
                continue


def _base(fakes: Mapping[str, Any]) -> dict[str, Any]:
    names: dict[str, Any] = {module.__name__: module for module in _MODULES}
    names.update({name: fakes[name] for name in names if name in fakes})
    # No module of this package: the interception leaves those alone.
    names.update({"__name__": "conformance_row", "Path": fakes["pathlib"].Path if fakes else Path})
    exec(_COMPILED, names)  # noqa: S102  # written above
    return names
