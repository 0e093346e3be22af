"""Say why a test is left out on a system, in one of three ways, so that the reasons can be counted by class."""

import os
import sys
from collections.abc import Iterable, Mapping
from typing import Any

import pytest

WINDOWS = os.name == "nt"
# What a shell there takes around words with blanks.
QUOTE = '"' if WINDOWS else "'"


def _wine() -> str:
    """Return Wine's version, or an empty text where Windows is Windows."""
    if sys.platform != "win32":
        return ""
    import ctypes

    try:
        version = ctypes.CDLL("ntdll").wine_get_version
    except AttributeError:
        return ""
    version.restype = ctypes.c_char_p
    return version().decode()


WINE = _wine()


def marked(cases: Iterable[str], marks: Mapping[str, pytest.MarkDecorator]) -> list[object]:
    """Return cases as parameters, some of which are left out."""
    return [pytest.param(case, marks=marks.get(case, ())) for case in cases]


def posix_fact(fact: str) -> pytest.MarkDecorator:
    """Leave a test out on Windows that is about something only POSIX has."""
    return pytest.mark.skipif(WINDOWS, reason=f"POSIX fact: {fact}")


def linux_fact(fact: str, here: object = sys.platform == "linux") -> pytest.MarkDecorator:
    """Leave a test out elsewhere than on Linux that is about something only Linux has: whether this one has it."""
    return pytest.mark.skipif(not here, reason=f"POSIX fact, of Linux alone: {fact}")


def left_to_windows(what: str) -> pytest.MarkDecorator:
    """Leave a test out on Windows in which the model would have to refuse what is real there."""
    return pytest.mark.skipif(WINDOWS, reason=f"left to Windows: {what}")


def wine_differs(deviation: str) -> pytest.MarkDecorator:
    """Leave a test out under Wine, which is not Windows: say in what it deviates."""
    return pytest.mark.skipif(bool(WINE), reason=f"Wine {WINE} is not Windows: {deviation}")


def imported(module: str) -> Any:
    """Import what a test needs; leave the test out where it is not installed, or Wine lacks a DLL that it needs."""
    reason = f"Wine {WINE} is not Windows: it lacks a DLL that {module} needs" if WINE else None
    return pytest.importorskip(module, reason=reason, exc_type=ImportError)
