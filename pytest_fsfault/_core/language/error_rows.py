"""Write an error down as plain values, and read it back in another process."""

from __future__ import annotations

import os
from typing import Any

from pytest_fsfault._core.language.errors import (
    NO_WINERROR,
    WindowsError,
    plain_error,
    restore,
    winerror_of,
    with_winerror,
)

_ON_WINDOWS = os.name == "nt"


def error_row(error: BaseException) -> tuple[Any, ...]:
    """Return an error as plain values, for another process: its class, codes, text and file names."""
    found = winerror_of(error) if isinstance(error, OSError) else NO_WINERROR
    names = getattr(error, "filename", None), getattr(error, "filename2", None)
    if isinstance(error, WindowsError):
        return type(error).__name__, error.args, *names, error.winerror
    codes = getattr(error, "errno", None), getattr(error, "strerror", None)
    shown = codes if isinstance(codes[0], int) else (None, str(error))
    return "", shown, *(name if isinstance(name, (str, bytes)) else None for name in names), found


def error_from_row(row: tuple[Any, ...]) -> OSError:
    """Return the error that a row describes."""
    name, args, filename, filename2, winerror = row
    if name:
        built = restore(name, args, filename, filename2)
        built.winerror = winerror
        return built
    number, text = args
    exc = OSError(text) if number is None else plain_error(number, text, filename, filename2)
    if _ON_WINDOWS:
        if isinstance(winerror, int):
            return with_winerror(exc.errno, exc.strerror, exc.filename, winerror, exc.filename2)
    elif winerror != NO_WINERROR:
        vars(exc)["winerror"] = winerror
    return exc
