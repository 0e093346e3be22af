"""Understand a call of a native program: which operation it is, on which paths, and how to make it in its place."""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import sys
from typing import TYPE_CHECKING, NamedTuple

from pytest_fsfault._core.language.globs import absolute
from pytest_fsfault._core.language.operations import OPERATIONS, flag_groups
from pytest_fsfault._host.originals import ORIGINALS
from pytest_fsfault._intercept.native.memory import Memory
from pytest_fsfault._intercept.native.numbers import FICLONE, MACHINES, SHAPES, X32_BIT

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_fsfault._intercept.native.notify import Request

_AT_FDCWD = -100
_AT_REMOVEDIR = 0x200
_RENAME_NOREPLACE = 1
_DELETED = " (deleted)"
# A directory by which a path is read: its descriptor, its link in `/proc`, and where it is.
_Directory = tuple[int, bytes, str]
# Names that mean something else to each process.
_OF_ONE_PROCESS = (b"/proc/", b"/dev/")
_ENCODING, _ERRORS = sys.getfilesystemencoding(), sys.getfilesystemencodeerrors()
_CREATING = os.O_CREAT | os.O_WRONLY | os.O_TRUNC
_open, _close = ORIGINALS["os", "open"], ORIGINALS["os", "close"]


class Call(NamedTuple):
    """One call of a native program that waits for an answer.

    `path` and `target` are absolute and normalised; `given` are the paths as this process would have to pass them
    to reach the very same files, None for one that it cannot name.
    """

    task: int
    syscall: str
    operation: str
    path: str
    target: str | None
    groups: frozenset[str]
    flags: int
    mode: int
    arguments: tuple[int, ...]
    given: tuple[bytes | None, ...]
    native: bool  # made by the numbers of the machine, not by those of its 32-bit programs

    @property
    def can_be_made_here(self) -> bool:
        """Whether another process could make this call, as far as its arguments go."""
        return bool(self.given) and None not in self.given and self.syscall in _MADE_HERE

    @property
    def goes_ahead(self) -> bool:
        """Whether it is let through by the one who makes it: what it opens is for its own use."""
        return self.operation == "os.open"


# Whose result is 0, and whose arguments are paths, texts and numbers alone, or a descriptor that a path can stand for.
_MADE_HERE = frozenset(
    name
    for name, shape in SHAPES.items()
    if shape.operation
    in {"os.replace", "os.remove", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.chmod", "os.truncate"}
    and name != "ftruncate"  # which the mode of the file does not forbid
)
_DESCRIPTORS = {"fchmod": "chmod"}


class _Layout(NamedTuple):
    """What a call is whose arguments are one or two paths, numbers, and nothing else, and where they stand."""

    operation: str
    groups: frozenset[str]
    first: int  # the place of a path, and of the descriptor of its directory: -1 for none
    first_at: int
    second: int  # of the other one, if there are two
    second_at: int
    flags: int
    mode: int


def _layout(operation: str, shape: str) -> _Layout | None:
    if set(shape) - set("dpfm."):
        return None
    paths = [place for place, letter in enumerate(shape) if letter == "p"]
    places = [
        each for place in paths for each in (place, place - 1 if shape[place - 1 : place] == "d" else -1)
    ]
    first, first_at, second, second_at = (*places, -1, -1)[:4]
    groups = OPERATIONS[operation].groups
    return _Layout(operation, groups, first, first_at, second, second_at, shape.find("f"), shape.find("m"))


_LAYOUTS = {name: _layout(*shape) for name, shape in SHAPES.items()}
# What the flags of a call make another operation of it.
_BY_FLAGS = {"unlinkat": (_AT_REMOVEDIR, "os.rmdir"), "renameat2": (_RENAME_NOREPLACE, "os.rename")}


class Reader:
    """Read calls as they are asked about; one thread alone may use an instance."""

    def __init__(self) -> None:
        tables = MACHINES[platform.machine()]
        self._names = {table.arch: table.names() for table in tables}
        self._arch = tables[0].arch
        self.memory = Memory()

    def name(self, request: Request) -> str:
        """Return the name of the system call."""
        return self._names[request.arch].get(request.number & ~X32_BIT, "")

    def read(self, request: Request, name: str) -> Call | None:
        """Return the call; None if it changes no file that has a path. Raise OSError if it is not readable."""
        layout = _LAYOUTS.get(name)
        arguments = request.arguments
        if layout is not None and arguments[layout.first] and (layout.second < 0 or arguments[layout.second]):
            return self._read_paths(request, name, layout)
        if name not in SHAPES:
            return None
        shape = SHAPES[name].arguments
        found = _Arguments(self.memory, request, shape)
        if name == "ioctl":
            found.copy_of_whole(request)
        if len(found.paths) != shape.count("p") + shape.count("D"):
            return None
        return _call(name, request, found, native=request.arch == self._arch)

    # Hot: nearly all calls come here, and each waits meanwhile.
    def _read_paths(self, request: Request, name: str, layout: _Layout) -> Call | None:
        _ident, task, _number, arch, arguments = request
        operation, groups, first, first_at, second, second_at, flags_at, mode_at = layout
        flags = arguments[flags_at] & 0xFFFFFFFF if flags_at >= 0 else _CREATING if name == "creat" else 0
        if name in _BY_FLAGS and flags & _BY_FLAGS[name][0]:
            operation = _BY_FLAGS[name][1]
            groups = OPERATIONS[operation].groups
        elif operation == "os.open":
            groups = flag_groups(flags)
        memory = self.memory
        if second < 0:
            target, raw = None, memory.text(task, arguments[first])
        else:
            raw, other = memory.two_texts(task, arguments[first], arguments[second])
        directory = _signed(arguments[first_at]) if first_at >= 0 else _AT_FDCWD
        path, here, known = _place(memory, task, directory, raw, None)
        given: tuple[bytes | None, ...] = (here,)
        if second >= 0:
            directory = _signed(arguments[second_at]) if second_at >= 0 else _AT_FDCWD
            target, there, _ = _place(memory, task, directory, other, known)
            given = here, there
        if not path or target == "":
            return None
        mode = arguments[mode_at] & 0xFFFF if mode_at >= 0 else 0
        return Call(
            task, name, operation, path, target, groups, flags, mode, arguments, given, arch == self._arch
        )


def _place(
    memory: Memory, task: int, directory: int, raw: bytes, known: _Directory | None
) -> tuple[str, bytes | None, _Directory | None]:
    """Return a path, absolute, or empty if it has none; how this process can pass it; and the directory it is seen from.

    That may be known already.
    """
    if raw.startswith(b"/"):
        given = None if raw.startswith(_OF_ONE_PROCESS) else raw
        return absolute(raw.decode(_ENCODING, _ERRORS), ""), given, known
    if known is None or known[0] != directory:
        link = b"/proc/%d/cwd" % task if directory == _AT_FDCWD else b"/proc/%d/fd/%d" % (task, directory)
        known = directory, link, memory.raw_link(link).decode(_ENCODING, _ERRORS).removesuffix(_DELETED)
    _, link, base = known
    if base[:1] != "/":
        return "", None, known
    if not raw:  # the descriptor itself is meant
        return base, None, known
    return absolute(f"{base}/{raw.decode(_ENCODING, _ERRORS)}", ""), link + b"/" + raw, known


def _call(name: str, request: Request, found: _Arguments, *, native: bool) -> Call:
    operation = SHAPES[name].operation
    paths = found.paths
    if operation == "os.sendfile" or name == "ioctl":
        paths.reverse()  # which name the receiver first
    if operation == "os.symlink":
        # What a link says is read from where it stands.
        beside = os.path.join(os.path.dirname(paths[0]), os.fsdecode(found.content))
        paths.insert(0, absolute(beside, ""))
    groups = flag_groups(found.flags) if operation == "os.open" else OPERATIONS[operation].groups
    return Call(
        request.task, name, operation, paths[0], paths[1] if len(paths) > 1 else None, groups, found.flags,
        found.mode, request.arguments, tuple(found.given), native,
    )  # fmt: skip


class _Arguments:
    """The arguments of any call, one by one: descriptors, texts and structures as well."""

    def __init__(self, memory: Memory, request: Request, shape: str) -> None:
        self._memory = memory
        self._task = request.task
        self.paths: list[str] = []
        self.given: list[bytes | None] = []
        self.flags = self.mode = 0
        self.content = b""
        directory = _AT_FDCWD
        for letter, value in zip(shape, request.arguments, strict=False):
            if letter == "d":
                directory = _signed(value)
            elif letter == "p":
                self._path(directory, value)
                directory = _AT_FDCWD
            elif letter == "D":
                self._descriptor(_signed(value))
            elif letter == "s":
                self.content = memory.text(self._task, value)
            elif letter == "f":
                self.flags = value & 0xFFFFFFFF
            elif letter == "m":
                self.mode = value & 0xFFFF
            elif letter == "h":
                self.flags, self.mode = memory.open_how(self._task, value)
                self.given = [None]  # how it is to be resolved is its own affair

    def _path(self, directory: int, address: int) -> None:
        raw = self._memory.text(self._task, address) if address else b""
        path, given, _ = _place(self._memory, self._task, directory, raw, None)
        if path:
            self.paths.append(path)
            self.given.append(given)

    def _descriptor(self, number: int) -> None:
        link = b"/proc/%d/fd/%d" % (self._task, number)
        path = self._memory.raw_link(link).decode(_ENCODING, _ERRORS).removesuffix(_DELETED)
        if path.startswith("/"):
            self.paths.append(path)
            self.given.append(link)

    def copy_of_whole(self, request: Request) -> None:
        """Read the source of an `ioctl` that makes one file share the content of another."""
        self.paths, self.given = self.paths[:1], [None]
        source = request.arguments[2]
        if request.arguments[1] & 0xFFFFFFFF != FICLONE:
            source = struct.unpack("=q", self._memory.read(self._task, source, 8))[0]
        self._descriptor(_signed(source))


def _signed(value: int) -> int:
    value &= 0xFFFFFFFF
    return value - (1 << 32) if value >> 31 else value


class Maker:
    """Make calls in the place of the process that waits."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._numbers = MACHINES[platform.machine()][0].numbers
        self._functions: dict[str, Callable[..., int]] = {}

    def make(self, call: Call, paths: tuple[bytes, ...] | None = None) -> None:
        """Make a call whose arguments allow it, on other `paths` if there are any. Raise its OSError."""
        name = _DESCRIPTORS.get(call.syscall, call.syscall)
        shape = SHAPES[call.syscall].arguments
        ends = iter(call.given if paths is None else paths)
        arguments: list[object] = []
        for letter, value in zip(shape, call.arguments, strict=False):
            if letter == "d":
                arguments.append(_AT_FDCWD)
            elif letter in "pD":
                arguments.append(next(ends))
            elif letter == "s":
                arguments.append(self._content(call))
            else:
                arguments.append(value)
        function = self._functions.get(name) or self._function(name, shape)
        if function(self._numbers[name], *arguments) < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), call.path, None, call.target)

    def _function(self, name: str, shape: str) -> Callable[..., int]:
        """Return syscall(2) for the arguments of one call."""
        found: Callable[..., int] = self._libc["syscall"]
        kinds = (ctypes.c_char_p if letter in "pDs" else ctypes.c_long for letter in shape)
        found.argtypes = (ctypes.c_long, *kinds)  # type: ignore[attr-defined]
        found.restype = ctypes.c_long  # type: ignore[attr-defined]
        self._functions[name] = found
        return found

    def _content(self, call: Call) -> bytes:
        return self._memory.text(call.task, call.arguments[0])

    def open(self, call: Call) -> None:
        """Open and close a file, as a call does that is to fail afterwards. Raise its OSError."""
        assert call.given[0] is not None  # noqa: S101  # asked before
        # Not to wait for the other end of a pipe.
        _close(_open(call.given[0], call.flags | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY, call.mode))


def is_written(task: int, descriptor: int) -> bool:
    """Return whether a descriptor of another process was opened for writing."""
    try:
        number = _open(f"/proc/{task}/fdinfo/{_signed(descriptor)}", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        content: bytes = ORIGINALS["os", "read"](number, 4096)
    except OSError:
        return False
    finally:
        _close(number)
    flags = content.partition(b"flags:")[2].split()
    return bool(flags) and int(flags[0], 8) & (os.O_WRONLY | os.O_RDWR) != 0
