"""Where rows are replayed: in the real file system, or in a fake one of pyfakefs that is a Windows."""

from __future__ import annotations

import gc
import os
import re
import sys
import tempfile
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_fsfault._core.language.mistakes import FsFaultError
from pytest_fsfault._host.descriptors import path_of_descriptor
from pytest_fsfault._host.originals import NATIVE
from pytest_fsfault._intercept.fake.fake_functions import native_of
from pytest_fsfault._intercept.fake.filesystem import filesystem_of
from pytest_fsfault._intercept.fake.isolation import preload

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

_MOST_DESCRIPTORS = 512
_DESCRIPTORS = {"linux": "/proc/self/fd", "darwin": "/dev/fd"}

#: What pyfakefs does not have: it would go past it, to the real system.
_LACKS = {
    "io.FileIO goes past the fake": re.compile(r"\bio\.FileIO\("),
    "nothing of a fake can be mapped": re.compile(r"\bmmap\b"),
    "no other process sees a fake": re.compile(r"another process"),
}


class FileSystem(NamedTuple):
    """One file system: the directory for all rows, our own functions, and the modules that rows see."""

    top: str
    separator: str
    native: Any
    modules: Mapping[str, Any]

    def clear(self, name: str) -> None:
        """Drop the directory of a row from a fake, which grows slower with each."""
        if self.modules:
            self.native.drop(f"{self.top}{self.separator}{name}")

    def open_descriptors(self) -> dict[int, str | None]:
        """Return what is open, each with its path."""
        if self.modules:
            return {one.descriptor: one.path or None for one in self.native.open_files()}
        where = _DESCRIPTORS.get(sys.platform)
        numbers: Iterable[int] = map(int, NATIVE.listdir(where)) if where else range(_MOST_DESCRIPTORS)
        return {number: path_of_descriptor(number) for number in numbers if _is_open(number, NATIVE.fstat)}


@contextmanager
def real() -> Iterator[FileSystem]:
    """Make a directory for all rows; at the end the process is as it was, and the directory gone."""
    home = NATIVE.getcwd()
    made = tempfile.TemporaryDirectory(prefix="conformance-", ignore_cleanup_errors=True)
    with made as top, _quietly():
        try:
            yield FileSystem(os.path.realpath(top), os.sep, NATIVE, {})
        finally:
            NATIVE.chdir(home)
            gc.collect()


@contextmanager
def fake() -> Iterator[FileSystem]:
    """Make a fake file system that is a Windows, and take it away at the end."""
    try:
        from pyfakefs.fake_filesystem import OSType  # noqa: PLC0415  # an extra
        from pyfakefs.fake_filesystem_unittest import Patcher  # noqa: PLC0415
    except ImportError:
        raise FsFaultError("--fake needs pyfakefs; install pytest-fsfault[fake]") from None
    preload()
    patcher: Any = Patcher()
    with patcher, _quietly():
        patcher.fs.os = OSType.WINDOWS
        patcher.fs.shuffle_listdir_results = False
        yield FileSystem("C:", "\\", native_of(filesystem_of(patcher)), patcher.fake_modules)


@contextmanager
def _quietly() -> Iterator[None]:
    with warnings.catch_warnings():
        # Rows leave files to the collector, and some use what is deprecated.
        warnings.simplefilter("ignore")
        yield


def lacking(state: str, op: str) -> str:
    """Return why a row with this state and operation is not replayed in a fake, nothing if it is."""
    text = f"{state} {op}"
    return next((why for why, pattern in _LACKS.items() if pattern.search(text)), "")


def _is_open(number: int, fstat: Callable[[int], Any]) -> bool:
    try:
        fstat(number)
    except OSError:
        return False
    return True
