"""See what processes have open: descriptors, mapped files, current directories.

Of this process the mapped files alone are looked at here; of its descendants everything that ``/proc`` tells,
or psutil where there is no ``/proc``. A process that ends or that may not be read is passed over.
"""

from __future__ import annotations

import os
import re
import sys
from os import fsdecode, getpid, makedev
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_fsfault._windows.open_files.queries import DELETED, Mapped, current, opened, running, status_of
from pytest_fsfault._windows.sharing import READ, WRITE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_fsfault._core.engine.interfaces import NativeFunctions
    from pytest_fsfault._windows.open_files.queries import Query
    from pytest_fsfault._windows.sharing import Opening

#: What an open descriptor allows, by its access mode: read only, write only, both.
ACCESS = (READ, WRITE, READ | WRITE, READ | WRITE)

# ``7f00-7f80 r-xp 00000000 fe:00 260131   /usr/bin/cat``; memory without a file has inode 0.
_LINE = re.compile(rb"^[^ ]+ ..(.). [^ ]+ (\w+):(\w+) ([1-9]\d*) +(/.*)$", re.MULTILINE)
_waitid = getattr(os, "waitid", None)


class Process(NamedTuple):
    """A process by its number and name."""

    number: int
    name: str

    def __str__(self) -> str:
        return f"process {self.number} ({self.name})"


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
    images = {row[1:4] for row in rows if row[0] == b"x"}
    return [_mapped(row, row[:3] in images) for row in dict.fromkeys(row[1:] for row in rows)]


def _mapped(row: tuple[bytes, bytes, bytes, bytes], image: bool) -> Mapped:
    major, minor, inode, raw = row
    path = fsdecode(raw).replace("\\012", "\n")
    return Mapped(
        makedev(int(major, 16), int(minor, 16)), int(inode), "" if path.endswith(DELETED) else path, image
    )


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


def openings(native: NativeFunctions, query: Query) -> Iterator[Opening]:
    """Yield what the descendants of this process have open of what is meant; look first if it has any."""
    return by_proc(native, query) if sys.platform == "linux" else by_psutil(query)


_ALL = getattr(os, "P_ALL", 0)
_LOOK = getattr(os, "WEXITED", 0) | getattr(os, "WNOHANG", 0) | getattr(os, "WNOWAIT", 0)


def has_children() -> bool:
    """Return whether this process has a child that it has not reaped, in about a microsecond."""
    if _waitid is None:
        return True
    try:
        _waitid(_ALL, 0, _LOOK)
    except ChildProcessError:
        return False
    except OSError:
        pass
    return True


def by_proc(native: NativeFunctions, query: Query) -> Iterator[Opening]:
    """Yield what the descendants have open, by ``/proc``."""
    for process in descendants(native):
        base = f"/proc/{process.number}"
        for number in listing(native, f"{base}/fd"):
            seen = query.behind(f"{base}/fd/{number}")
            if seen is not None:
                access = _access(native, f"{base}/fdinfo/{number}")
                yield opened(seen.status, access, f"held open by {process}", seen.path)
        directory = query.behind(f"{base}/cwd")
        if directory is not None:
            yield current(str(process), directory.path)
        maps = _content(native, f"{base}/maps")
        if query.trace in maps and (mapped := query.mapped(parse_maps(maps))):
            yield from running(mapped, program_of(native, str(process.number)), str(process))


def descendants(native: NativeFunctions) -> list[Process]:
    """Return the living descendants of this process.

    Without the helpers of `multiprocessing`, which Windows does not have: the resource tracker would keep the
    current directory of its start for good. What a fork server has started counts.
    """
    helpers = _helpers()
    children = _children(native, "self")
    parents = _parents(native) if children is None else None
    waiting = list(parents.get(getpid(), ()) if parents is not None else children or ())
    found = []
    while waiting:
        number = waiting.pop(0)
        process, state = _process(native, number)
        if state and state not in "ZX":
            waiting += (parents.get(number) if parents is not None else _children(native, str(number))) or ()
            if number not in helpers:
                found.append(process)
    return found


def _helpers() -> set[int | None]:
    helpers = (
        ("resource_tracker", "_resource_tracker", "_pid"),
        ("forkserver", "_forkserver", "_forkserver_pid"),
    )
    return {
        getattr(getattr(sys.modules.get(f"multiprocessing.{module}"), instance, None), attribute, None)
        for module, instance, attribute in helpers
    }


def _children(native: NativeFunctions, process: str) -> list[int] | None:
    """Return the children of a process, or None if the kernel does not list them (proc(5))."""
    tasks = f"/proc/{process}/task"
    lists = [_read(native, f"{tasks}/{task}/children") for task in listing(native, tasks)]
    if all(one is None for one in lists):
        return None
    return [int(child) for one in lists for child in (one or b"").split()]


def _parents(native: NativeFunctions) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for name in listing(native, "/proc"):
        _, state, parent = _fields(native, name) if name.isdigit() else ("", "", 0)
        if state:
            found.setdefault(parent, []).append(int(name))
    return found


def _process(native: NativeFunctions, number: int) -> tuple[Process, str]:
    name, state, _ = _fields(native, str(number))
    return Process(number, name), state


def _fields(native: NativeFunctions, process: str) -> tuple[str, str, int]:
    """Return name, state and parent of a process; the state of one that is gone is empty."""
    head, _, tail = _content(native, f"/proc/{process}/stat").rpartition(b") ")
    state, parent = (tail.split() or [b"", b"0"])[:2]
    return fsdecode(head.partition(b"(")[2]), state.decode(), int(parent)


def _access(native: NativeFunctions, location: str) -> int:
    content = _content(native, location)
    flags = content.partition(b"flags:")[2].split()
    return ACCESS[int(flags[0], 8) & 3] if flags else READ


def listing(native: NativeFunctions, location: str) -> list[str]:
    """Return the names in a directory, none if it cannot be read."""
    try:
        return list(native.listdir(location))
    except OSError:
        return []


def _content(native: NativeFunctions, location: str) -> bytes:
    return _read(native, location) or b""


def _read(native: NativeFunctions, location: str) -> bytes | None:
    """Return what a file of ``/proc`` says, which comes in pages; None if it cannot be read."""
    try:
        descriptor = native.open(location, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    except OSError:
        return None
    try:
        return b"".join(iter(lambda: native.read(descriptor, 65_536), b""))
    except OSError:
        return None
    finally:
        native.close(descriptor)


def by_psutil(query: Query) -> Iterator[Opening]:
    """Yield what the descendants have open, by psutil if it is installed.

    It shows open files, programs and current directories, and neither open directories nor libraries.
    """
    try:
        import psutil  # type: ignore[import-untyped]  # noqa: PLC0415  # an extra, slow to import
    except ImportError:
        return

    def ask(question: Callable[[], Any], otherwise: Any) -> Any:
        try:
            return question()
        except (psutil.Error, OSError):
            return otherwise

    helpers = _helpers()
    for child in ask(lambda: psutil.Process().children(recursive=True), []):
        if child.pid in helpers or ask(child.status, "") in {psutil.STATUS_ZOMBIE, ""}:
            continue
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
