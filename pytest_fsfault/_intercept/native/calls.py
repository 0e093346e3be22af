"""Understand a call of a native program: which operation it is, on which paths, and how another process names them."""

from __future__ import annotations

import os
import platform
import struct
import sys
from functools import partial
from typing import TYPE_CHECKING

from pytest_fsfault._core.engine.guard import FOLLOWING
from pytest_fsfault._core.language.operations import OPERATIONS, flag_groups
from pytest_fsfault._core.language.roots import absolute
from pytest_fsfault._core.language.rows import Row
from pytest_fsfault._intercept.native.memory import Memory
from pytest_fsfault._intercept.native.notify import ARGUMENTS
from pytest_fsfault._intercept.native.numbers import (
    AT_FDCWD,
    CHANGES,
    FICLONE,
    MACHINES,
    SHAPES,
    X32_BIT,
    signed,
)
from pytest_fsfault._intercept.native.places import (
    OF_ONE_PROCESS,
    below,
    from_root,
    given,
    given_ends,
    jailed,
    of_its_own,
)

if TYPE_CHECKING:
    from pytest_fsfault._intercept.native.notify import Request, RequestRow
    from pytest_fsfault._intercept.native.numbers import Shape

_AT_REMOVEDIR = 0x200
_RENAME_NOREPLACE = 1
_RESOLVE_IN_ROOT = 0x10  # include/uapi/linux/openat2.h
_ENCODING, _ERRORS = sys.getfilesystemencoding(), sys.getfilesystemencodeerrors()
_MAKING = os.O_CREAT | os.O_EXCL
# The flags of calls that pass none.
_IMPLIED = {"creat": os.O_CREAT | os.O_WRONLY | os.O_TRUNC, "mknod": _MAKING, "mknodat": _MAKING}
_STANDS = AT_FDCWD & 0xFFFFFFFF


class Call(Row):
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
    for name, shape in CHANGES.items()
    if shape.operation
    in {"os.replace", "os.remove", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.chmod", "os.truncate"}
    and name != "ftruncate"  # which the mode of the file does not forbid
)


# What a call is whose arguments are one or two paths, numbers, and nothing else, and where they stand in a `Request`:
# the system call; the operation; a path, and the descriptor of its directory; those of the other path, if there are two;
# the flags; the mode; the flags where none are passed; the flag that makes it another operation, and which. The place
# of what is not there is -1. It is plain, since it is taken apart at each call.
_Layout = tuple[str, str, int, int, int, int, int, int, int, int, str]


# What a flag of a call makes another operation of it.
_BY_FLAG = {"unlinkat": (_AT_REMOVEDIR, "os.rmdir"), "renameat2": (_RENAME_NOREPLACE, "os.rename")}


def _layout(syscall: str, operation: str, shape: str) -> _Layout | None:
    if set(shape) - set("dpfm."):
        return None
    shape = "." * ARGUMENTS + shape
    paths = [place for place, letter in enumerate(shape) if letter == "p"]
    places = [
        each for place in paths for each in (place, place - 1 if shape[place - 1 : place] == "d" else -1)
    ]
    first, first_at, second, second_at = (*places, -1, -1)[:4]
    return (
        syscall, operation, first, first_at, second, second_at, shape.find("f"), shape.find("m"),
        _IMPLIED.get(syscall, 0), *_BY_FLAG.get(syscall, (0, "")),
    )  # fmt: skip


#: The fields of a `Seen`: quicker to make than one.
SeenRow = tuple[_Layout, str, str, str | None, int, bytes, bytes, bytes, bytes | None]


class Seen(Row):
    """What a call names: as much as most calls need, since nothing is to become of them."""

    layout: _Layout
    operation: str
    path: str
    target: str | None
    flags: int
    here: bytes  # the link of the directory that the path is seen from, and how it was spelled
    spelled: bytes
    there: bytes  # of the target
    other: bytes | None


# Quicker than the class, which takes its fields one by one.
_made = partial(tuple.__new__, Call)


class Reader:
    """Read calls as they are asked about; one thread alone may use an instance."""

    def __init__(self) -> None:
        tables = MACHINES[platform.machine()]
        self._names = {table.arch: table.names() for table in tables}
        layouts = {name: found for name, shape in SHAPES.items() if (found := _layout(name, *shape))}
        self._layouts = {
            arch: {
                one: layouts[name]
                for number, name in names.items()
                if name in layouts
                for one in (number, number | X32_BIT)
            }
            for arch, names in self._names.items()
        }
        self._arch = tables[0].arch
        self._task, self._stands = 0, b""
        self.memory = Memory()

    def name(self, request: Request) -> str:
        """Return the name of the system call."""
        return self._names[request.arch].get(request.number & ~X32_BIT, "")

    # Hot: nearly all calls come here, and each waits meanwhile.
    def look(self, asked: RequestRow) -> SeenRow | None:  # noqa: C901, PLR0912  # so its steps stand in one function
        """Return the row of a `Seen`, of a call whose arguments are paths and numbers; None for any other. Raise UnreadableError."""
        try:
            layout = self._layouts[asked[3]][asked[2]]
        except KeyError:
            return None
        _, operation, first, first_at, second, second_at, flags_at, _, flags, bit, instead = layout
        task, address, memory = asked[1], asked[first], self.memory
        target, other, here, there, stand = None, None, b"", b"", ""
        if not address:
            return None
        if second < 0:
            raw = memory.text(task, address)
        else:
            raw, other = memory.two_texts(task, address, asked[second])
        if raw[:1] == b"/":
            path = self._named(task, raw, operation)
        else:
            here = self._stands if task == self._task and first_at < 0 else self._link(task, asked, first_at)
            stand = memory.stand(here)
            path = stand + raw.decode(_ENCODING, _ERRORS)
            if not stand or "/." in path or "//" in path or path[-1] == "/":
                path = below(stand, raw)
        if other is not None:
            if other[:1] == b"/":
                target = self._named(task, other, operation)
            else:
                there = here if here and second_at < 0 else self._link(task, asked, second_at)
                if there is not here:
                    stand = memory.stand(there)
                target = stand + other.decode(_ENCODING, _ERRORS)
                if not stand or "/." in target or "//" in target or target[-1] == "/":
                    target = below(stand, other)
        if target == "" or not path:
            return None
        if flags_at >= 0:
            flags = asked[flags_at] & 0xFFFFFFFF
            if flags & bit:
                operation = instead
        return layout, operation, path, target, flags, here, raw, there, other

    def _named(self, task: int, raw: bytes, operation: str) -> str:
        """Return an absolute path, normalised."""
        path = raw.decode(_ENCODING, _ERRORS)
        if "/." in path or "//" in path or path[-1] == "/":
            path = absolute(path, "")
        if path[:6] == "/proc/":
            return of_its_own(self.memory, task, path, follows=operation in FOLLOWING)
        return path

    def _link(self, task: int, asked: RequestRow, at: int) -> bytes:
        """Return the link of the directory that an argument says, or that a thread stands in."""
        number = asked[at] & 0xFFFFFFFF if at >= 0 else _STANDS
        if number != _STANDS:
            return b"/proc/%d/fd/%d" % (task, signed(number))
        if task != self._task:
            self._task, self._stands = task, b"/proc/%d/cwd" % task
        return self._stands

    def seen_from_its_root(self, task: int, row: SeenRow) -> SeenRow:
        """Return what a call names if its thread may have another root directory than this process. Raise UnreadableError."""
        seen = Seen(*row)
        root = self.memory.root(task)
        path, target = seen.path, seen.target
        if seen.spelled.startswith(b"/") and not seen.spelled.startswith(OF_ONE_PROCESS):
            path = from_root(root, path)
        other = seen.other or b""
        if target is not None and other.startswith(b"/") and not other.startswith(OF_ONE_PROCESS):
            target = from_root(root, target)
        return (seen.layout, seen.operation, path, target, *seen[4:])

    def call(self, asked: RequestRow, row: SeenRow) -> Call:
        """Return all that there is to know of a call."""
        layout, operation, path, target, flags, here, spelled, there, other = row
        mode_at = layout[7]
        return _made((
            asked[1], layout[0], operation, path, target,
            flag_groups(flags) if operation == "os.open" else OPERATIONS[operation].groups,
            flags, asked[mode_at] & 0xFFFF if mode_at >= 0 else 0, asked[ARGUMENTS:],
            given_ends(here, spelled, there, other), asked[3] == self._arch,
        ))  # fmt: skip

    def read(self, request: Request, name: str, *, estranged: bool = False) -> Call | None:
        """Return a call that `look` does not know; None if it changes no file that has a path. Raise UnreadableError.

        A thread that is `estranged` may have another root directory than this process.
        """
        if name not in SHAPES:
            return None
        shape = SHAPES[name]
        root = self.memory.root(request.task) if estranged else "/"
        found = _Arguments(self.memory, request, shape, root)
        if name == "ioctl":
            found.copy_of_whole(request)
        if len(found.paths) != shape.arguments.count("p") + shape.arguments.count("D"):
            return None
        return _call(name, request, found, native=request.arch == self._arch)


def _call(name: str, request: Request, found: _Arguments, *, native: bool) -> Call:
    operation = SHAPES[name].operation
    paths = found.paths
    if operation == "os.sendfile" or name == "ioctl":
        paths.reverse()  # which name the receiver first
    if operation == "os.symlink":
        # What a link says is read from where it stands.
        content = os.fsdecode(found.content)
        beside = absolute(os.path.join(os.path.dirname(paths[0]), content), "")
        paths.insert(0, from_root(found.root, beside) if content.startswith("/") else beside)
    groups = flag_groups(found.flags) if operation == "os.open" else OPERATIONS[operation].groups
    return Call(
        request.task, name, operation, paths[0], paths[1] if len(paths) > 1 else None, groups, found.flags,
        found.mode, request.arguments, tuple(found.given), native,
    )  # fmt: skip


class _Arguments:
    """The arguments of any call, one by one: descriptors, texts and structures as well."""

    def __init__(self, memory: Memory, request: Request, shape: Shape, root: str) -> None:
        self._memory = memory
        self._follows = shape.operation in FOLLOWING
        self.root = root
        self._task = request.task
        self.paths: list[str] = []
        self.given: list[bytes | None] = []
        self.flags = self.mode = 0
        self.content = self._raw = self._link = b""
        directory = AT_FDCWD
        for letter, value in zip(shape.arguments, request.arguments, strict=False):
            if letter == "d":
                directory = signed(value)
            elif letter == "p":
                self._path(directory, value)
                directory = AT_FDCWD
            elif letter == "D":
                self._descriptor(signed(value))
            elif letter == "s":
                self.content = memory.text(self._task, value)
            elif letter == "f":
                self.flags = value & 0xFFFFFFFF
            elif letter == "m":
                self.mode = value & 0xFFFF
            elif letter == "h":
                self._how(value)

    def _path(self, directory: int, address: int) -> None:
        self._raw = raw = self._memory.text(self._task, address) if address else b""
        own = b"cwd" if directory == AT_FDCWD else b"fd/%d" % directory
        self._link = link = b"/proc/%d/%b" % (self._task, own)
        if raw.startswith(b"/"):
            path = from_root(self.root, absolute(raw.decode(_ENCODING, _ERRORS), ""))
            path = of_its_own(self._memory, self._task, path, follows=self._follows)
        else:
            path = below(self._memory.stand(link), raw)
        if path:
            self.paths.append(path)
            self.given.append(given(link, raw))

    def _how(self, address: int) -> None:
        self.flags, self.mode, resolve = self._memory.open_how(self._task, address)
        self.given = [None]  # how it is to be resolved is its own affair
        if resolve & _RESOLVE_IN_ROOT and self.paths:
            self.paths = [jailed(self._memory.place(self._link), self._raw)]

    def _descriptor(self, number: int) -> None:
        link = b"/proc/%d/fd/%d" % (self._task, number)
        path = self._memory.place(link)
        if path.startswith("/"):
            self.paths.append(path)
            self.given.append(link)

    def copy_of_whole(self, request: Request) -> None:
        """Read the source of an `ioctl` that makes one file share the content of another."""
        self.paths, self.given = self.paths[:1], [None]
        source = request.arguments[2]
        if request.arguments[1] & 0xFFFFFFFF != FICLONE:
            source = struct.unpack("=q", self._memory.read(self._task, source, 8))[0]
        self._descriptor(signed(source))
