"""A small tree, each operation once on it, and what is there afterwards."""

# ruff: noqa: PLW0108  # how a call is written is what is tested here

from __future__ import annotations

import mmap
import os
import shutil
import stat
import subprocess
from contextlib import closing, suppress
from pathlib import Path

from skips import WINDOWS

CONTENT = b"0123456789"


class Site:
    """A directory with a file `f`, an empty directory `e`, a link `l`, an archive and a program; `g` is free."""

    def __init__(self, root):
        self.root = Path(root)
        self.root.mkdir(exist_ok=True)
        self.cwd = os.getcwd()
        self.d, self.e, self.f, self.g, self.l = (str(self.root / name) for name in ("", "e", "f", "g", "l"))
        self.program = str(self.root / ("program.bat" if WINDOWS else "program"))
        self.archive = str(self.root / "archive.tar")
        Path(self.f).write_bytes(CONTENT)
        os.mkdir(self.e)
        with suppress(OSError):  # Windows lets not everybody make one
            os.symlink("f", self.l)
        os.chmod(self.f, 0o644)
        Path(self.program).write_text("@exit /b 0\r\n" if WINDOWS else "#!/bin/sh\nexit 0\n")
        os.chmod(self.program, 0o755)
        shutil.make_archive(self.archive[:-4], "tar", self.d, "e")

    def snapshot(self):
        """Return what can be seen from outside: names, kinds, content, permissions; and who moved away."""
        found = {"cwd": os.getcwd() == self.cwd}
        for path in sorted(self.root.rglob("*")):
            state = path.lstat()
            what = os.readlink(path) if path.is_symlink() else b"" if path.is_dir() else path.read_bytes()
            touched = int(state.st_mtime) == 1
            if path.suffix != ".tar":
                found[path.relative_to(self.root).as_posix()] = stat.filemode(state.st_mode), what, touched
        return found


def _on_descriptor(flags, act):
    def call(site):
        fd = os.open(site.f, flags)
        try:
            return act(fd)
        finally:
            os.close(fd)

    return call


def _between(act):
    def call(site):
        source, target = os.open(site.f, os.O_RDONLY), os.open(site.g, os.O_RDWR | os.O_CREAT)
        try:
            return act(source, target)
        finally:
            os.close(source)
            os.close(target)

    return call


def _in_file(mode, act):
    def call(site):
        with open(site.f, mode, 0) as file:
            return act(file)

    return call


def _close_file(site):
    file = open(site.f, "rb")
    file.close()


def _run(site):
    with subprocess.Popen([site.program]) as process:
        process.wait()


def _map(fd):
    mmap.mmap(fd, 0).close()


#: Each operation once; those on descriptors and files open and close them themselves.
CALLS = {
    "os.rename": lambda s: os.rename(s.f, s.g),
    "os.replace": lambda s: os.replace(s.f, s.g),
    "os.remove": lambda s: os.remove(s.f),
    "os.rmdir": lambda s: os.rmdir(s.e),
    "os.mkdir": lambda s: os.mkdir(s.g),
    "os.open": lambda s: os.close(os.open(s.g, os.O_WRONLY | os.O_CREAT)),
    "open": lambda s: open(s.g, "w").close(),
    "os.stat": lambda s: os.stat(s.f),
    "os.lstat": lambda s: os.lstat(s.f),
    "os.access": lambda s: os.access(s.f, os.R_OK),
    "os.listdir": lambda s: os.listdir(s.d),
    "os.scandir": lambda s: closing(os.scandir(s.d)).__exit__(),
    "os.chmod": lambda s: os.chmod(s.f, 0o600),
    "os.utime": lambda s: os.utime(s.f, (1, 1)),
    "os.truncate": lambda s: os.truncate(s.f, 4),
    "os.link": lambda s: os.link(s.f, s.g),
    "os.symlink": lambda s: os.symlink("f", s.g),
    "os.readlink": lambda s: os.readlink(s.l),
    "os.chdir": lambda s: os.chdir(s.d),
    "os.read": _on_descriptor(os.O_RDONLY, lambda fd: os.read(fd, 8)),
    "os.write": _on_descriptor(os.O_WRONLY, lambda fd: os.write(fd, b"abcdefgh")),
    "os.fsync": _on_descriptor(os.O_WRONLY, lambda fd: os.fsync(fd)),
    "os.close": lambda s: os.close(os.open(s.f, os.O_RDONLY)),
    "os.sendfile": _between(lambda source, target: os.sendfile(target, source, 0, 8)),
    "os.copy_file_range": _between(lambda source, target: os.copy_file_range(source, target, 8)),
    "file.read": _in_file("rb", lambda file: file.read(8)),
    "file.write": _in_file("r+b", lambda file: file.write(b"abcdefgh")),
    "file.flush": _in_file("r+b", lambda file: file.flush()),
    "file.truncate": _in_file("r+b", lambda file: file.truncate(4)),
    "file.close": _close_file,
    "mmap.mmap": _on_descriptor(os.O_RDWR, _map),
    "subprocess.Popen": _run,
    "shutil.copyfile": lambda s: shutil.copyfile(s.f, s.g),
    "shutil.copy": lambda s: shutil.copy(s.f, s.g),
    "shutil.copy2": lambda s: shutil.copy2(s.f, s.g),
    "shutil.copytree": lambda s: shutil.copytree(s.e, s.g),
    "shutil.copystat": lambda s: shutil.copystat(s.f, s.program),
    "shutil.copymode": lambda s: shutil.copymode(s.f, s.program),
    "shutil.move": lambda s: shutil.move(s.f, s.g),
    "shutil.rmtree": lambda s: shutil.rmtree(s.e),
    "shutil.make_archive": lambda s: shutil.make_archive(s.g, "tar", s.d, "e"),
    "shutil.unpack_archive": lambda s: shutil.unpack_archive(s.archive, s.g, filter="data"),
    "shutil.disk_usage": lambda s: shutil.disk_usage(s.d),
    "shutil.chown": lambda s: shutil.chown(s.f, getattr(os, "getuid", int)()),
}

#: What each transfer moves: the bytes are looked for where they arrive.
TRANSFERS = {
    "os.read": None,
    "file.read": None,
    "os.write": "f",
    "file.write": "f",
    "os.sendfile": "g",
    "os.copy_file_range": "g",
}

#: What a file system without these calls would skip.
NEEDED = {"os.sendfile": "sendfile", "os.copy_file_range": "copy_file_range", "shutil.chown": "chown"}
