"""Tell a buffer of a write that came short and then failed, so that it loses nothing and writes nothing twice."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

_Raw = io.FileIO

_CLAMPED = sys.version_info >= (3, 14)
_LARGEST = 8192 * 1024  # the most that CPython 3.14 takes over from the system's block size


class Buffered(Protocol):
    """A raw file below a buffer."""

    _room: int  # the size of the buffer, where the caller has chosen it, else 0
    _due: OSError | None  # what the next write of the buffer meets: the one before came short


def buffer_size(raw: io.FileIO) -> int:
    """Return the size of the buffer that `open` lays over a raw file by itself."""
    size: int = raw._blksize  # type: ignore[attr-defined]  # the system's block size, as the original reads it
    if _CLAMPED:
        return max(min(size, _LARGEST), io.DEFAULT_BUFFER_SIZE)
    return size if size > 1 else io.DEFAULT_BUFFER_SIZE


def write_by(run: Callable[[Callable[[int], Any]], Any], raw: Any, view: memoryview) -> Any:
    """Write to a raw file by `run`, which takes what writes a part."""
    # More than a buffer holds comes from the caller, and no buffer keeps it for a second try.
    if raw._bare or len(view) > (raw._room or buffer_size(raw)):
        return run(lambda size: _Raw.write(raw, view[:size]))
    return _write_buffered(run, raw, view)


def _write_buffered(run: Callable[[Callable[[int], Any]], Any], raw: Any, view: memoryview) -> Any:
    """Write what a buffer holds.

    As a full disk does, tell the buffer how much has arrived, and raise the error at its next try, which follows
    at once. A buffer that met the error instead would take it that nothing had arrived, and write it all again.
    """
    file: Buffered = raw
    if file._due is not None:
        due, file._due = file._due, None
        raise due
    arrived = 0
    whole = False

    def some(size: int) -> int:
        nonlocal arrived, whole
        whole = size >= len(view)
        # One byte at least stays behind for the error to meet.
        arrived = _Raw.write(raw, view[: min(size, len(view) - 1)]) or 0
        return arrived

    try:
        result = run(some)
    except OSError as error:
        if not arrived:
            raise
        file._due = error.with_traceback(None)
        return arrived
    return result + (_Raw.write(raw, view[arrived:]) or 0) if whole else result
