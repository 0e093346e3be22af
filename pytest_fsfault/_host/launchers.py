"""Know the programs of Windows that do nothing but start a Python and wait for its end.

An environment has two kinds in `Scripts`: a `python.exe`, whose child is the interpreter that the environment was made of
(CPython PC/venvlauncher.c), and one for each command, such as `pip.exe`, whose child is that `python.exe`. The latter carries
a zip file with a `__main__.py` (distlib's simple_launcher, uv's trampoline), or has its script beside it (setuptools' launcher.c).
"""

from __future__ import annotations

import os
import sys
from os import close, read
from os import open as open_descriptor

_FLAGS = os.O_RDONLY | getattr(os, "O_BINARY", 0)
_PYTHONS = frozenset({"python.exe", "pythonw.exe", "py.exe", "pyw.exe"})
_MARKS = (b"__main__.py", b"PK\x05\x06")  # a file in the zip, and what the zip ends with
_SCRIPTS = ("-script.py", "-script.pyw")
# Bytes: distlib's has 0.1 million, uv's 0.04, with a script of a few hundred.
_LARGEST = 1 << 20
# By number and start of a process: what its file says, which no one may replace while it runs.
_known: dict[tuple[int, int], bool] = {}
_MOST = 1_000


def is_launcher(number: int, started: int, name: str) -> bool:
    """Return whether a process is one; not if its file may not be read."""
    if name.lower() in _PYTHONS:
        return True
    key = number, started
    if key not in _known:
        if len(_known) >= _MOST:
            _known.clear()
        _known[key] = carries_script(_path_of(number))
    return _known[key]


def _path_of(process: int) -> str:
    if sys.platform == "win32":
        from pytest_fsfault._host.windows_api import program_of  # noqa: PLC0415  # of Windows

        return program_of(process)
    return ""


def carries_script(program: str) -> bool:
    """Return whether the program at a path is the launcher of a script in Python."""
    stem = program[:-4] if program.lower().endswith(".exe") else program
    content = _content(program)
    return all(mark in content for mark in _MARKS) or any(_content(stem + end) for end in _SCRIPTS)


def _content(path: str) -> bytes:
    """Return what a small file has in it; nothing of a large one, or of one that may not be read."""
    try:
        descriptor = open_descriptor(path, _FLAGS)
    except (OSError, ValueError):
        return b""
    try:
        found = read(descriptor, _LARGEST + 1)
    except OSError:
        return b""
    finally:
        close(descriptor)
    return found if len(found) <= _LARGEST else b""
