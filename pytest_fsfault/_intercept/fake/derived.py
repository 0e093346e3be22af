"""Functions that pyfakefs implements in one piece: run CPython's composition instead, so that each step is intercepted."""

from __future__ import annotations

import pathlib
from functools import wraps
from typing import TYPE_CHECKING, Any

from pytest_fsfault._intercept.patching.tracebacks import hidden

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_fsfault._intercept.fake.filesystem import FakeFileSystem


def walking(fake: FakeFileSystem, real: Callable[..., Any]) -> Callable[..., Any]:
    """Return what stands before the look of `os.walk` at one directory, which is an `os.scandir`."""

    @wraps(real)
    @hidden
    def contents(filesystem: Any, root: Any, *args: Any) -> Any:
        if not fake.watches(filesystem):
            return real(filesystem, root, *args)
        with fake.os.scandir(root) as entries:
            order = {entry.name: number for number, entry in enumerate(entries)}
        top, directories, files = real(filesystem, root, *args)
        for names in (directories, files):
            names.sort(key=lambda name: order.get(name, len(order)))
        return top, directories, files

    return contents


def removing(fake: FakeFileSystem, real: Callable[..., Any]) -> Callable[..., Any]:
    """Return what stands before `os.removedirs`, as CPython's Lib/os.py has it."""

    @wraps(real)
    @hidden
    def removedirs(module: Any, name: Any) -> None:
        if not fake.watches(module.filesystem):
            real(module, name)
            return
        module.rmdir(name)
        head, tail = module.path.split(name)
        if not tail:
            head, tail = module.path.split(head)
        while head and tail:
            try:
                module.rmdir(head)
            except OSError:
                break
            head, tail = module.path.split(head)

    return removedirs


def comparing(fake: FakeFileSystem, real: Callable[..., Any]) -> Callable[..., Any]:
    """Return what stands before `os.path.samefile`, as CPython's Lib/genericpath.py has it."""

    @wraps(real)
    @hidden
    def samefile(module: Any, path1: Any, path2: Any) -> bool:
        if not fake.watches(module.filesystem):
            return bool(real(module, path1, path2))
        first, second = fake.os.stat(path1), fake.os.stat(path2)
        return bool((first.st_dev, first.st_ino) == (second.st_dev, second.st_ino))

    return samefile


def touching(fake: FakeFileSystem, real: Callable[..., Any]) -> Callable[..., Any]:
    """Return what stands before `Path.touch`: the original, whose `os` is fake."""

    @wraps(real)
    @hidden
    def touch(path: Any, mode: int = 0o666, exist_ok: bool = True) -> None:
        if not fake.watches(path.filesystem):
            real(path, mode, exist_ok)
        else:
            _TOUCH(path, mode, exist_ok)

    return touch


_TOUCH = pathlib.Path.touch
