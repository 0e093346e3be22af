"""Map files into memory, as CreateFileMapping does, and change the size of what is mapped.

Sources: CPython Modules/mmapmodule.c (a mapping longer than its file, `mmap_resize_method`), Lib/test/test_mmap.py
test_resize_fails_if_mapping_held_elsewhere; Microsoft, "CreateFileMappingW", "MapViewOfFile" (where a view may begin);
python/cpython#99871 (a handle that does not allow the access).
"""

from __future__ import annotations

import mmap
from typing import TYPE_CHECKING, Any, Protocol, Self

from pytest_fsfault._core.engine.interfaces import Answer
from pytest_fsfault._core.language.errors import build, parse_error, speaks_windows
from pytest_fsfault._core.language.legible import legible
from pytest_fsfault._core.language.operations import OPERATIONS, Operation
from pytest_fsfault._core.language.rows import Row
from pytest_fsfault._core.weak import WeakObjects
from pytest_fsfault._host.descriptors import path_of_descriptor
from pytest_fsfault._host.originals import ORIGINALS
from pytest_fsfault._windows.state import Denial

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_fsfault._windows.sharing import Identity
    from pytest_fsfault._windows.state import WindowsState

_MAPPED, _TOO_LONG, _DENIED, _MISALIGNED = 1224, 8, 5, 1132
_GRANULARITY = 0x10000  # of addresses and of offsets, in bytes
_OFFSET = 4  # its place after the descriptor
_REAL = mmap.mmap


def judge_mmap(state: WindowsState, operation: Operation) -> Answer:
    """Judge `mmap.mmap`: a mapping that is longer than its file makes the file longer, if it can be written."""
    location = state.lookup.find(operation.path)
    if not isinstance(operation.detail, tuple) or location.status is None:
        return Answer(operation.path)
    end, access, writable = operation.detail
    if end > location.status.st_size:
        if not writable or access == mmap.ACCESS_READ:
            raise Denial(
                _TOO_LONG, f"{location.name} is shorter than its mapping, which Windows does not extend"
            )
        state.native.truncate(location.path, end)
    return Answer(operation.path)


class MappingModel(Protocol):
    """The model whose business a mapping is."""

    @property
    def state(self) -> WindowsState:
        """What is known of files and of who has them open."""
        ...


class _Kind(type):
    """The type of the class that stands for `mmap.mmap`: mappings that were made before are of it, too."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, _REAL)


class _Asked(Row):
    """Whom a mapping asks: whose business a file at a path is, and who writes a refusal down."""

    model: Callable[[str, str], MappingModel | None]
    refused: Callable[[Operation, str, OSError], None]


class _Mapping(_REAL, metaclass=_Kind):
    def __new__(cls, fileno: int, *args: Any, **named: Any) -> Self:
        """Map a file; what the host refuses by the way in which it is open, Windows refuses by its own error."""
        try:
            return super().__new__(cls, fileno, *args, **named)
        except PermissionError as error:
            path = _path(fileno)
            if speaks_windows(error) or _acting[-1].model(path, path) is None:
                raise
        raise build(parse_error(f"WinError {_DENIED}"), "winerror")

    def __init__(self, fileno: int, *args: Any, **named: Any) -> None:
        self._file: tuple[Identity, str] | None = None
        self._asked = _acting[-1]
        if fileno >= 0:
            path = _path(fileno)
            self._check_offset(path, named.get("offset", args[_OFFSET] if len(args) > _OFFSET else 0))
            status = ORIGINALS["os", "fstat"](fileno)
            self._file = (status.st_dev, status.st_ino), path
            _there.add(self)

    def _check_offset(self, path: str, offset: int) -> None:
        """Refuse to begin where no view may begin, though the pages of the host are smaller."""
        if offset % _GRANULARITY and self._asked.model(path, path) is not None:
            self.close()
            why = f"a mapping on Windows begins at a multiple of {_GRANULARITY}, not at {offset}"
            raise _refusal(path, why, self._asked.refused, _MISALIGNED)

    def resize(self, size: int) -> None:
        """Change the size of the file and of its mapping: cutting what others have mapped is refused."""
        if self._file is not None and size < len(self):
            identity, path = self._file
            here = self._asked.model(path, path)
            why = "" if here is None else _mapped_by(here.state, identity, path, _others(identity, self))
            if why:
                raise _refusal(path, why, self._asked.refused)
        super().resize(size)


_Mapping.__name__ = _Mapping.__qualname__ = "mmap"
_Mapping.__module__ = "mmap"
_Mapping.__doc__ = _REAL.__doc__
_there: WeakObjects[Any] = WeakObjects()
_acting: list[_Asked] = []  # whom mappings ask that are made now: at most one


def mapping_class(
    model: Callable[[str, str], MappingModel | None], refused: Callable[[Operation, str, OSError], None]
) -> type:
    """Return what stands for `mmap.mmap` from now on: its mappings know what else maps their file.

    `model` says whose business the mapping of a file at a path is, `refused` writes a refusal down.
    """
    _acting[:] = (_Asked(model, refused),)
    return _Mapping


def _others(identity: Identity, own: Any) -> int:
    return sum(
        one._file is not None and one._file[0] == identity and not one.closed
        for one in _there.alive()
        if one is not own
    )


def _path(descriptor: int) -> str:
    return path_of_descriptor(descriptor) or ""


def _mapped_by(state: WindowsState, identity: Identity, path: str, others: int) -> str:
    """Return who else maps a file, or nothing."""
    name = path.rpartition("/")[2]
    if others:
        return f"{name} is mapped once more by this process"
    for hold in state.holds.of(identity):
        if hold.opening.kind == "section":
            return state.explain(name, hold.opening, hold)
    return ""


def _refusal(
    path: str, why: str, refused: Callable[[Operation, str, OSError], None], code: int = _MAPPED
) -> OSError:
    error = build(parse_error(f"WinError {code}"), "winerror")
    error.add_note(legible(why))
    refused(Operation("mmap.mmap", path, groups=OPERATIONS["mmap.mmap"].groups), why, error)
    return error
