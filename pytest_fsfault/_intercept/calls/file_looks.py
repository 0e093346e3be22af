"""Let open files whose classes are made in Python look, and warn, as those of CPython's own classes do."""

from __future__ import annotations

import io
import sys
import warnings
from contextlib import suppress
from typing import Any


def look_like_c(file_class: Any) -> None:
    """Give a class the name, the text and the refusal to be copied of its base in C."""
    file_class.__name__ = file_class.__qualname__ = file_class.__name__.replace("Flushed", "Buffered")
    file_class.__module__ = "_io"
    file_class.__repr__ = _repr
    if "__reduce__" not in vars(io.FileIO):  # CPython 3.11, and 3.14 again
        file_class.__reduce_ex__, file_class.__reduce__ = _reduce_ex, _reduce


def warn_unclosed(file: Any, level: int) -> None:
    """Warn of a file that its finaliser closes, where the class in C would: `level` frames out of here.

    That class warns where Python code is at work, which is ours in a method that was put in place of its own. Filters
    for warnings name the caller's module.
    """
    if not file.closed and getattr(file, "raw", file).closefd:
        with suppress(Warning):  # one that is an error: the class tells of it as of what cannot be raised
            warnings.warn(f"unclosed file {file!r}", ResourceWarning, stacklevel=level, source=file)
            file._finalizing = False


def _repr(file: Any) -> str:
    # CPython shows a class made in Python without its module.
    shown: str = super(type(file), file).__repr__()
    return f"<_io.{shown[1:].removeprefix('_io.')}"


def _reduce_ex(file: Any, protocol: int) -> Any:
    # What is refused to a class of C is not to one made in Python: it would be built anew, over this very file.
    name, old = type(file).__name__, protocol < 2  # noqa: PLR2004
    if sys.version_info < (3, 14):
        raise TypeError(f"cannot pickle {name if old else f'_io.{name}'!r} object")
    raise TypeError(f"cannot pickle {name!r} {'object' if old and name == 'FileIO' else 'instances'}")


def _reduce(file: Any) -> Any:
    _reduce_ex(file, 0)
