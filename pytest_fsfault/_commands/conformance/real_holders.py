"""Real holders on a real Windows, so that the same rows check the record itself.

Flags and functions: learn.microsoft.com, CreateFileW, CreateFileMappingW, MapViewOfFile, LoadLibraryW,
SetFileAttributesW.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_ACCESS = {"r": 0x80000000, "w": 0x40000000, "d": 0x00010000}  # GENERIC_READ, GENERIC_WRITE, DELETE
_ATTRIBUTES_ONLY = 0x80  # FILE_READ_ATTRIBUTES
_SHARE = {"r": 1, "w": 2, "d": 4}
_OPEN_EXISTING = 3
_BACKUP_SEMANTICS = 0x02000000  # without it no directory is opened
_NO_HANDLE = ctypes.c_void_p(-1).value
_PAGE_READWRITE = 4
_FILE_MAP_WRITE_READ = 2 | 4
_ATTRIBUTES = {"readonly": 1, "hidden": 2, "system": 4}
# A copy of the command processor waits for its input; one of a small library can be loaded under any name.
_PROGRAM, _LIBRARY = "cmd.exe", "version.dll"


class RealHolder:
    """What is let go of by calling functions, the last first."""

    def __init__(self) -> None:
        self._ending = ExitStack()

    def then(self, action: Callable[..., object], *arguments: object) -> None:
        """Do something when this is let go of."""
        self._ending.callback(action, *arguments)

    def close(self) -> None:
        """Close it."""
        self._ending.close()


class RealHolders:
    """Real handles, programs, libraries and mappings of this process, by the functions of `kernel32`."""

    def __init__(self, kernel32: Any) -> None:
        self._kernel = kernel32
        #: The sizes of the real program and library, and those of the record in their place.
        self.sizes: dict[int, int] = {}

    def hold(self, path: str, access: str = "r", share: str = "rw") -> RealHolder:
        """Open a handle with exactly this access and sharing."""
        holder = RealHolder()
        holder.then(self._kernel.CloseHandle, self._open(path, access, share))
        return holder

    def run(self, path: str) -> RealHolder:
        """Put a real program in the place of a file, and run it."""
        self._replace(path, _PROGRAM)
        process = subprocess.Popen([path, "/q", "/k"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)  # noqa: S603  # the copy
        holder = RealHolder()
        holder.then(process.communicate)
        return holder

    def load(self, path: str) -> RealHolder:
        """Put a real library in the place of a file, and load it."""
        self._replace(path, _LIBRARY)
        holder = RealHolder()
        holder.then(self._kernel.FreeLibrary, self._checked(self._kernel.LoadLibraryW(path)))
        return holder

    def map(self, path: str, access: str = "rw") -> RealHolder:
        """Map a file for writing, and close every handle of it."""
        file = self._open(path, access, "rwd")
        section = self._kernel.CreateFileMappingW(file, None, _PAGE_READWRITE, 0, 0, None)
        view = self._kernel.MapViewOfFile(self._checked(section), _FILE_MAP_WRITE_READ, 0, 0, 0)
        self._kernel.CloseHandle(section)
        self._kernel.CloseHandle(file)
        holder = RealHolder()
        holder.then(self._kernel.UnmapViewOfFile, self._checked(view))
        return holder

    def set_attributes(
        self, path: str, readonly: bool | None = None, hidden: bool | None = None, system: bool | None = None
    ) -> None:
        """Set or clear attributes; None leaves one as it is."""
        bits = self._kernel.GetFileAttributesW(path)
        for name, value in (("readonly", readonly), ("hidden", hidden), ("system", system)):
            if value is not None:
                bits = bits | _ATTRIBUTES[name] if value else bits & ~_ATTRIBUTES[name]
        self._checked(self._kernel.SetFileAttributesW(path, bits))

    def _open(self, path: str, access: str, share: str) -> Any:
        wanted = sum(_ACCESS[letter] for letter in access) or _ATTRIBUTES_ONLY
        sharing = sum(_SHARE[letter] for letter in share)
        return self._checked(
            self._kernel.CreateFileW(path, wanted, sharing, None, _OPEN_EXISTING, _BACKUP_SEMANTICS, None)
        )

    def _replace(self, path: str, name: str) -> None:
        recorded = os.path.getsize(path)
        shutil.copyfile(os.path.join(os.environ.get("SYSTEMROOT", r"C:\Windows"), "System32", name), path)
        self.sizes[os.path.getsize(path)] = recorded

    def _checked(self, found: Any) -> Any:
        if found in (None, 0, _NO_HANDLE):
            raise vars(ctypes)["WinError"](vars(ctypes)["get_last_error"]())
        return found


def kernel32() -> Any:
    """Return the library with the types of what is used here: a handle has the width of a pointer."""
    library = vars(ctypes)["WinDLL"]("kernel32", use_last_error=True)
    number, pointer, text = ctypes.c_uint32, ctypes.c_void_p, ctypes.c_wchar_p
    for name, result, arguments in (
        ("CreateFileW", pointer, (text, number, number, pointer, number, number, pointer)),
        ("CreateFileMappingW", pointer, (pointer, pointer, number, number, number, text)),
        ("MapViewOfFile", pointer, (pointer, number, number, number, ctypes.c_size_t)),
        ("UnmapViewOfFile", ctypes.c_int, (pointer,)),
        ("LoadLibraryW", pointer, (text,)),
        ("FreeLibrary", ctypes.c_int, (pointer,)),
        ("CloseHandle", ctypes.c_int, (pointer,)),
        ("GetFileAttributesW", number, (text,)),
        ("SetFileAttributesW", ctypes.c_int, (text, number)),
    ):
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library
