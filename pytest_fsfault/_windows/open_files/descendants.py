"""See what processes have open: descriptors, mapped files, current directories.

Of this process the mapped files alone are looked at here; of its descendants everything that ``/proc`` tells,
or psutil where there is no ``/proc``. A process that ends or that may not be read is passed over.
"""

from __future__ import annotations

import os
import re
import sys
from os import fsdecode
from typing import TYPE_CHECKING, Any

from pytest_fsfault._core.language.deferred import deferred
from pytest_fsfault._host.processes import Process, descendants, listing, psutil_descendants, read
from pytest_fsfault._windows.open_files.queries import DELETED, Mapped, current, opened, running, status_of
from pytest_fsfault._windows.sharing import READ, WRITE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_fsfault._core.engine.interfaces import NativeFunctions
    from pytest_fsfault._windows.open_files.queries import Query
    from pytest_fsfault._windows.open_files.runtimes import Sharing
    from pytest_fsfault._windows.sharing import Opening

#: What an open descriptor allows, by its access mode: read only, write only, both.
ACCESS = (READ, WRITE, READ | WRITE, READ | WRITE)

_makedev: Callable[[int, int], int] = getattr(os, "makedev", lambda _major, minor: minor)  # Windows has none
# ``7f00-7f80 r-xp 00000000 fe:00 260131   /usr/bin/cat``; memory without a file has inode 0.
_LINE = deferred(rb"^[^ ]+ .(.)(..) [^ ]+ (\w+):(\w+) ([1-9]\d*) +(/.*)$", re.MULTILINE)


def own_maps(native: NativeFunctions) -> list[Mapped]:
    """Return the files that this process has mapped: on macOS programs and libraries alone."""
    if sys.platform == "darwin":
        return loaded_images(native)
    return parse_maps(_content(native, "/proc/self/maps"))


def program_of(native: NativeFunctions, process: str) -> str:
    """Return the path of the program that a process runs, if that can be seen."""
    try:
        return str(native.readlink(f"/proc/{process}/exe"))
    except OSError:
        return ""


def parse_maps(content: bytes) -> list[Mapped]:
    """Return the files that a ``maps`` file of ``/proc`` lists, each once.

    A library is mapped in parts, some executable, some data: one that is executable makes it an image.
    """
    rows = _LINE.findall(content)
    images = {row[2:5] for row in rows if row[1][:1] == b"x"}
    writable = {row[2:] for row in rows if row[0] == b"w" and row[1][1:] == b"s"}
    return [
        _mapped(row, row[:3] in images, row in writable) for row in dict.fromkeys(row[2:] for row in rows)
    ]


def _mapped(row: tuple[bytes, bytes, bytes, bytes], image: bool, writable: bool) -> Mapped:
    major, minor, inode, raw = row
    path = fsdecode(raw).replace("\\012", "\n")
    path = "" if path.endswith(DELETED) else path
    return Mapped(_makedev(int(major, 16), int(minor, 16)), int(inode), path, image, writable)


def loaded_images(native: NativeFunctions) -> list[Mapped]:
    """Return the programs and libraries that the dynamic loader of macOS lists (dyld(3))."""
    import ctypes  # noqa: PLC0415  # slow, and needed on macOS alone

    # `pythonapi` is there already: to open a library would look like one more that was loaded.
    count, name = ctypes.pythonapi._dyld_image_count, ctypes.pythonapi._dyld_get_image_name
    name.restype = ctypes.c_char_p
    found = []
    for path in [fsdecode(name(index) or b"") for index in range(count())]:
        status = status_of(native.stat, path)  # most of the system's own are no files
        if status is not None:
            found.append(Mapped(status.st_dev, status.st_ino, path, image=True))
    return found


def openings(native: NativeFunctions, query: Query, sharing: Sharing) -> Iterator[Opening]:
    """Yield what the descendants of this process have open of what is meant; look first if it has any."""
    return by_proc(native, query, sharing) if sys.platform == "linux" else by_psutil(query)


def by_proc(native: NativeFunctions, query: Query, sharing: Sharing) -> Iterator[Opening]:
    """Yield what the descendants have open, by ``/proc``."""
    for process in descendants(native):
        base = f"/proc/{process.number}"
        for number in listing(native, f"{base}/fd"):
            seen = query.behind(f"{base}/fd/{number}")
            if seen is not None:
                access = _access(native, f"{base}/fdinfo/{number}")
                program = program_of(native, str(process.number)).rpartition("/")[2]
                share = sharing.of(program, access)
                yield opened(seen.status, access, f"held open by {process}", seen.path, share)
        directory = query.behind(f"{base}/cwd")
        if directory is not None:
            yield current(str(process), directory.path)
        maps = _content(native, f"{base}/maps")
        if query.trace in maps and (mapped := query.mapped(parse_maps(maps))):
            yield from running(mapped, program_of(native, str(process.number)), str(process))


def _content(native: NativeFunctions, path: str) -> bytes:
    return read(native, path) or b""


def _access(native: NativeFunctions, location: str) -> int:
    content = _content(native, location)
    flags = content.partition(b"flags:")[2].split()
    return ACCESS[int(flags[0], 8) & 3] if flags else READ


def by_psutil(query: Query) -> Iterator[Opening]:
    """Yield what the descendants have open, by psutil if it is installed.

    It shows open files, programs and current directories, and neither open directories nor libraries.
    """

    def ask(question: Callable[[], Any], otherwise: Any) -> Any:
        try:
            return question()
        except (sys.modules["psutil"].Error, OSError):
            return otherwise

    for child in psutil_descendants():
        process = Process(child.pid, ask(child.name, "?"))
        for file in ask(child.open_files, []):
            seen = query.at(file.path)
            if seen is not None:
                yield opened(seen.status, READ, f"held open by {process}", seen.path)
        directory = query.at(ask(child.cwd, ""))
        if directory is not None:
            yield current(str(process), directory.path)
        program = ask(child.exe, "")
        image = query.at(program)
        if image is not None:
            mapped = Mapped(image.status.st_dev, image.status.st_ino, program, image=True)
            yield from running([mapped], program, str(process))
