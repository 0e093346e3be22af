"""The calls that a test makes: how each is written, and what it needs."""

from __future__ import annotations

from typing import NamedTuple


class PythonCall(NamedTuple):
    """One call: the function and its arguments as a test writes them, and as a rule and a journal name it.

    `needs` is what has to be at the path before: ``"any"``, ``"file"``, ``"directory"`` or ``"nothing"``.
    """

    text: str
    operation: str
    needs: str


#: By the names of `calls.call_of`. A start of a program is not here: what it would do in a test, no log says.
CALLS = {
    "os.replace": PythonCall("os.replace, path, target", "os.replace", "any"),
    "os.rename": PythonCall("os.rename, path, target", "os.rename", "any"),
    "os.link": PythonCall("os.link, path, target", "os.link", "file"),
    "os.remove": PythonCall("os.remove, path", "os.remove", "file"),
    "os.rmdir": PythonCall("os.rmdir, path", "os.rmdir", "directory"),
    "os.mkdir": PythonCall("os.mkdir, path", "os.mkdir", "nothing"),
    "os.listdir": PythonCall("os.listdir, path", "os.listdir", "directory"),
    "os.stat": PythonCall("os.stat, path", "os.stat", "any"),
    "os.utime": PythonCall("os.utime, path", "os.utime", "any"),
    "os.truncate": PythonCall("os.truncate, path, 0", "os.truncate", "file"),
    "open:w": PythonCall('path.write_bytes, b"new"', "open", "file"),
    "open:r+": PythonCall('update, path, b"new"', "open", "file"),
    "open:r": PythonCall("path.read_bytes", "open", "file"),
    "file.write": PythonCall('update, path, b"new"', "file.write", "file"),
    "file.read": PythonCall("path.read_bytes", "file.read", "file"),
}
