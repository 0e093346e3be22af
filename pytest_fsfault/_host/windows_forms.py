r"""Bring the many spellings that a path of Windows has into one.

With either separator, in any case, with a drive or relative to one, by 8.3 names, behind ``\\?\`` or ``\\.\``, with
final dots and blanks. Source: https://learn.microsoft.com/windows/win32/fileio/naming-a-file and the pages of the
functions below. Only Windows loads this: a child process elsewhere need not compile its expressions.
"""

from __future__ import annotations

import ntpath
import os
import re
import sys
from typing import Any, Protocol

from pytest_fsfault._core.language.folding import fold
from pytest_fsfault._core.language.roots import without_prefix

# The function of `nt`, as ntpath has taken it: from Python 3.12 on pyfakefs puts a module without it in the place of `nt`.
_final_path_name: Any = vars(ntpath).get("_getfinalpathname")
# ``PROGRA~1.TXT``: at most eight characters, a tilde among the last of them, a dot and three. (Wine writes no number.)
_SHORT_NAME = re.compile(r"(?<![^/])(?=[^/.]{2,8}(?:[./]|\Z))[^/.~]+~[^/.]+(?:\.[^/.]{0,3})?(?=/|\Z)")
# Behind it a path is taken as it stands. With the separators of POSIX it is none: what follows is brought into form.
# https://learn.microsoft.com/dotnet/standard/io/file-path-formats
_VERBATIM = "\\\\?\\"
_OBJECTS = "\\??\\"  # the same to `CreateFileW`: the directory of drives of the object manager
# What stands for a drive: ``//server/C$``, an administrative share, and ``//?/Volume{...}``, by its number.
# https://learn.microsoft.com/windows/win32/fileio/naming-a-volume
_SHARE = re.compile(r"//([^/]+)/([A-Za-z])\$(?=/|\Z)")
_VOLUME = re.compile(r"//[?.]/(?i:Volume\{[^/]*\}|HarddiskVolume\d+|GLOBALROOT/Device/[^/]+)(?=/|\Z)")
_DRIVE = re.compile(r"[A-Za-z]:(?=/|\Z)")
# The stream that is the file itself. https://learn.microsoft.com/windows/win32/fileio/file-streams
_MAIN_STREAM = re.compile(r"(?<=[^/:])::\$data\Z", re.IGNORECASE)
_KEPT = 50_000  # spellings


class WindowsPathFunctions(Protocol):
    """What the form of a path asks Windows."""

    def full(self, path: str) -> str:
        """Return a path without ``.``, ``..``, final dots and blanks, from its drive on (GetFullPathNameW)."""
        ...

    def long(self, path: str) -> str:
        """Return an existing path without 8.3 names (GetLongPathNameW); raise OSError if it does not exist."""
        ...

    def final(self, path: str) -> str:
        """Return where the root of a drive or volume really is (GetFinalPathNameByHandleW); raise OSError if it is not there."""
        ...

    def hosts(self) -> frozenset[str]:
        """Return the names of this computer in small letters."""
        ...


class WindowsForms:
    """Bring paths of Windows into one form: absolute, separated by ``/``, in one case.

    The case is that of an anchor, such as a root, and below it that of the first spelling that was seen.
    """

    def __init__(self, functions: WindowsPathFunctions) -> None:
        self._functions = functions
        self._anchors: dict[str, str] = {}
        self._spelled: dict[str, str] = {}
        # Where the roots of drives and volumes are: asked once for each session, which sets an anchor.
        self._places: dict[str, str] = {}

    def __call__(self, path: str) -> str:
        """Return the form of a path, which need not exist."""
        if path.startswith(_OBJECTS):
            path = _VERBATIM + path[len(_OBJECTS) :]
        full = path if path.startswith(_VERBATIM) else self._functions.full(path)
        full = self._on_its_drive(without_prefix(full.replace("\\", "/")))
        if full[-1:] in "aA":
            full = _MAIN_STREAM.sub("", full)
        if _SHORT_NAME.search(full):
            full = self._without_short_names(full)
        return self._in_one_case(full if full.endswith(":/") else full.rstrip("/") or full)

    def anchor(self, path: str) -> str:
        """Return the form of a path whose case is known to be that of the disk."""
        self._places.clear()
        full = self._on_its_drive(without_prefix(path.replace("\\", "/")))
        key = fold(full)
        if self._spelled.get(key, full) != full:
            self._spelled = dict(self._anchors)
        while "/" in full and self._spelled.get(key) != full:
            self._anchors[key] = self._spelled[key] = full
            full, key = full.rpartition("/")[0], key.rpartition("/")[0]
        return self(path)

    def _on_its_drive(self, path: str) -> str:
        """Return a path without what only stands for a drive or directory: another letter (`subst`), a share, a number."""
        share = _SHARE.match(path) if path.startswith("//") else None
        if share and share[1].lower() in self._functions.hosts():
            path = f"{share[2]}:{path[share.end() :] or '/'}"
        top = _DRIVE.match(path) or _VOLUME.match(path)
        if top is None:
            return path
        place = self._places.get(top[0])
        if place is None:
            place = self._places[top[0]] = self._place_of(top[0])
        return path if place == top[0] else place + (path[top.end() :] or "/" * place.endswith(":"))

    def _place_of(self, top: str) -> str:
        try:
            found = self._functions.final(top.replace("/", "\\") + "\\")
        except OSError:
            return top
        found = without_prefix(found.replace("\\", "/")).rstrip("/")
        return top if found.lower() == top.lower() else found

    def _in_one_case(self, path: str) -> str:
        key = fold(path)
        found = self._spelled.get(key)
        if found is not None:
            return found
        above, _, name = path.rpartition("/")
        if not name or not above.rstrip("/"):
            found = path[0].upper() + path[1:]  # a drive, a server
        else:
            found = f"{self._in_one_case(above)}/{name}"
        if len(self._spelled) >= _KEPT:
            self._spelled = dict(self._anchors)
        self._spelled[key] = found
        return found

    def _without_short_names(self, path: str) -> str:
        above, tail = path, ""
        while above.strip("/"):
            try:
                return self._functions.long(above).replace("\\", "/") + tail
            except OSError:
                above, _, name = above.rpartition("/")
                tail = f"/{name}{tail}"
        return path


class _Windows:
    """The functions of Windows itself."""

    def full(self, path: str) -> str:
        return ntpath.abspath(path)  # by `nt._getfullpathname`

    def long(self, path: str) -> str:
        if sys.platform == "win32":
            from pytest_fsfault._host.windows_api import long_path_name  # noqa: PLC0415

            return long_path_name(path)
        raise OSError("8.3 names are Windows' own")

    def final(self, path: str) -> str:
        if sys.platform == "win32":
            found: str = _final_path_name(path)
            return found
        raise OSError("drives are Windows' own")

    def hosts(self) -> frozenset[str]:
        name = os.environ.get("COMPUTERNAME", "localhost").lower()
        return frozenset({"localhost", "127.0.0.1", "--1.ipv6-literal.net", name})


#: The forms of this system.
FORMS = WindowsForms(_Windows())
