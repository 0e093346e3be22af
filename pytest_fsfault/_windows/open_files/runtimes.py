"""What a program does on Windows that its build for Unix does not show: its runtime decides, by the program's name.

A program that was built for Unix says nothing of sharing. Its build for Windows says, for each file that it opens
without a wish of its own, what stands here; and many runtimes delete read-only files, which DeleteFileW refuses.
"""

from __future__ import annotations

import re
from fnmatch import translate

from pytest_fsfault._core.language.rows import Row
from pytest_fsfault._windows.sharing import ALL, READ, WRITE


class Runtime(Row):
    """One runtime: what its plain opens share, who uses it, and where it says so.

    `reading` is what is shared by opens for reading alone, if that is something else.
    """

    share: int
    programs: tuple[str, ...]
    source: str
    reading: int | None = None


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
        ".NET System.IO/File.cs: FileShare.None of Open, Create and OpenWrite; FileShare.Read of OpenRead,"
        " ReadAllBytes, ReadAllText (StreamReader) and of a FileStream that names none",
        READ,
    ),
    Runtime(
        ALL,
        ("bash", "sh", "rm", "mv", "cygpath", "mintty"),
        "Cygwin winsup/cygwin/fhandler/base.cc, open: FILE_SHARE_VALID_FLAGS unless it is a tape",
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
    "rm": "Cygwin winsup/cygwin/syscalls.cc, unlink_nt: FILE_DISPOSITION_IGNORE_READONLY_ATTRIBUTE from"
    " 1809 on, the attribute cleared before",
    **dict.fromkeys(
        ("node", "electron"),
        "libuv src/win/fs.c, fs__unlink_rmdir: FILE_DISPOSITION_IGNORE_READONLY_ATTRIBUTE; where there is no"
        " POSIX deletion the attribute is cleared first",
    ),
    **dict.fromkeys(
        ("go", "gh", "docker", "gofmt"),
        "Go src/os/file_windows.go, Remove: SetFileAttributes without it, and DeleteFile again",
    ),
    **dict.fromkeys(
        RUNTIMES[0].programs,
        "Rust library/std/src/sys/fs/windows.rs, unlink: refused by DeleteFileW, posix_delete with"
        " FILE_DISPOSITION_FLAG_IGNORE_READONLY_ATTRIBUTE",
    ),
}

#: Programs that also rename onto a read-only file.
REPLACE_READONLY = {
    "git": "git compat/mingw.c, mingw_rename: tried again without the target's attribute",
    "busybox": "busybox-w32 win32/mingw.c, mingw_rename: tried again without the target's attribute",
    "mv": "Cygwin winsup/cygwin/syscalls.cc, rename2: FILE_RENAME_IGNORE_READONLY_ATTRIBUTE from 1809 on, the"
    " attribute cleared before",
}

#: Programs that rename, from Windows 10 on, onto a file that is open if everybody shares deletion.
REPLACE_OPEN = {
    "mv": "Cygwin winsup/cygwin/syscalls.cc, rename2: FILE_RENAME_POSIX_SEMANTICS",
    **dict.fromkeys(
        RUNTIMES[0].programs,
        "Rust library/std/src/sys/fs/windows.rs, rename: refused by MoveFileExW (5), tried again with"
        " FILE_RENAME_FLAG_POSIX_SEMANTICS",
    ),
}


def deletes_readonly(program: str | None) -> bool:
    """Return whether a native program deletes read-only files on Windows; Python's own calls have no program."""
    return program is not None and _name(program) in DELETE_READONLY


def replaces_readonly(program: str | None) -> bool:
    """Return whether a native program renames onto read-only files on Windows."""
    return program is not None and _name(program) in REPLACE_READONLY


def replaces_open(program: str | None) -> bool:
    """Return whether a native program renames onto files that are open, if their deletion is shared."""
    return program is not None and _name(program) in REPLACE_OPEN


def _name(program: str) -> str:
    return program.lower().removesuffix(".exe")


_RUNTIME_OF = {name: runtime for runtime in RUNTIMES for name in runtime.programs}


class Sharing:
    """What programs share, by the base name of their executable: what a test says comes first, the latest before."""

    def __init__(self) -> None:
        self._declared: list[tuple[re.Pattern[str], int]] = []

    def declare(self, pattern: str, share: int) -> None:
        """Let the programs whose name a glob matches share this from now on."""
        self._declared.insert(0, (re.compile(translate(pattern), re.IGNORECASE), share))

    def of(self, program: str, access: int = READ | WRITE) -> int:
        """Return the share mode of a program's plain opens with that access."""
        for pattern, share in self._declared:
            if pattern.match(program):
                return share
        runtime = _RUNTIME_OF.get(_name(program))
        if runtime is None:
            return PLAIN
        return runtime.share if access != READ or runtime.reading is None else runtime.reading
