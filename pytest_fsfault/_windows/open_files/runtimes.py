"""What a program does on Windows that its build for Unix does not show: its runtime decides, by the program's name.

A program that was built for Unix says nothing of sharing. Its build for Windows says, for each file that it opens
without a wish of its own, what stands here; and many runtimes delete read-only files, which DeleteFileW refuses.
"""

from __future__ import annotations

import re
from fnmatch import translate
from typing import NamedTuple

from pytest_fsfault._windows.sharing import ALL, READ, WRITE


class Runtime(NamedTuple):
    """One runtime: what its plain opens share, who uses it, and where it says so."""

    share: int
    programs: tuple[str, ...]
    source: str


#: What is shared where nothing is known: as by the C runtime, which git and CPython use, too.
PLAIN = READ | WRITE  # UCRT lowio/open.cpp, `_SH_DENYNO`; git compat/mingw.c; CPython Modules/_io/fileio.c

RUNTIMES = (
    Runtime(
        ALL,
        (
            "uv",
            "uvx",
            "cargo",
            "rustc",
            "rustup",
            "rustdoc",
            "ruff",
            "ty",
            "rye",
            "pixi",
            "rg",
            "fd",
            "deno",
            "maturin",
        ),
        "Rust library/std/src/sys/fs/windows.rs, OpenOptions::new: FILE_SHARE_READ, WRITE and DELETE",
    ),
    Runtime(
        ALL,
        ("node", "electron"),
        "libuv src/win/fs.c, fs__open: FILE_SHARE_READ, WRITE and DELETE unless UV_FS_O_EXLOCK",
    ),
    Runtime(
        0,
        ("dotnet", "pwsh", "powershell", "nuget", "msbuild"),
        ".NET System.IO.File.Open(path, mode): FileShare.None",
    ),
    Runtime(
        READ | WRITE,
        ("go", "gh", "docker", "gofmt"),
        "Go src/syscall/syscall_windows.go, Open: FILE_SHARE_READ and WRITE",
    ),
)

#: Programs whose builds for Windows delete a read-only file as on Unix; each with its source.
DELETE_READONLY = {
    "git": "git compat/mingw.c, mingw_unlink: `_wchmod(wpathname, 0666)` before it tries again",
    "busybox": "busybox-w32 win32/mingw.c, mingw_unlink: `chmod(pathname, 0666)` first",
    "rm": "Cygwin winsup/cygwin/syscalls.cc, _unlink_nt: the attribute is cleared, or ignored",
    **dict.fromkeys(
        ("node", "electron"), "libuv src/win/fs.c, fs__unlink_rmdir: the attribute is cleared first"
    ),
    **dict.fromkeys(
        ("go", "gh", "docker", "gofmt"),
        "Go src/os/file_windows.go, Remove: tried again without the attribute",
    ),
    **dict.fromkeys(
        RUNTIMES[0].programs,
        "Rust library/std/src/sys/fs/windows.rs, unlink: FILE_DISPOSITION_FLAG_IGNORE_READONLY_ATTRIBUTE",
    ),
}

#: Programs that also rename onto a read-only file.
REPLACE_READONLY = {"git": "git compat/mingw.c, mingw_rename: tried again without the target's attribute"}


def deletes_readonly(program: str | None) -> bool:
    """Return whether a native program deletes read-only files on Windows; Python's own calls have no program."""
    return program is not None and _name(program) in DELETE_READONLY


def replaces_readonly(program: str | None) -> bool:
    """Return whether a native program renames onto read-only files on Windows."""
    return program is not None and _name(program) in REPLACE_READONLY


def _name(program: str) -> str:
    return program.lower().removesuffix(".exe")


class Sharing:
    """What programs share, by the base name of their executable: what a test says comes first, the latest before."""

    def __init__(self) -> None:
        self._declared: list[tuple[re.Pattern[str], int]] = []
        self._known = {name: runtime.share for runtime in RUNTIMES for name in runtime.programs}

    def declare(self, pattern: str, share: int) -> None:
        """Let the programs whose name a glob matches share this from now on."""
        self._declared.insert(0, (re.compile(translate(pattern), re.IGNORECASE), share))

    def of(self, program: str) -> int:
        """Return the share mode of a program's plain opens."""
        for pattern, share in self._declared:
            if pattern.match(program):
                return share
        return self._known.get(_name(program), PLAIN)
