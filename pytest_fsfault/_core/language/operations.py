"""Name what can be asked of a file system, and sort it into groups."""

from __future__ import annotations

import os
import sys
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

from pytest_fsfault._core.language.rows import Row

if TYPE_CHECKING:
    from collections.abc import Iterable

# Which of CPython's two kinds of error a refused call raises on Windows (windows errors carry `winerror`,
# those of the C runtime an errno alone), and which file names that error carries.
# Source: CPython Modules/posixmodule.c, Modules/_io/fileio.c.
Family = Literal["winerror", "errno"]
Names = Literal["none", "path", "both"]


class OperationKind(Row):
    """One row of the table of operations."""

    name: str
    groups: frozenset[str]
    family: Family = "winerror"
    names: Names = "path"
    transfers: bool = False  # moves bytes, so that `short` has a meaning
    two_paths: bool = False  # has a target, so that `to` has a meaning
    composite: bool = False  # made of other operations, belongs to no group


def _kind(name: str, groups: str = "", **facts: Any) -> tuple[str, OperationKind]:
    members = frozenset([*groups.split(), "any"]) if "composite" not in facts else frozenset()
    return name, OperationKind(name, members, **facts)


_FD: dict[str, Any] = {"family": "errno", "names": "none"}
_BYTES = {**_FD, "transfers": True}
_TWO: dict[str, Any] = {"names": "both", "two_paths": True}
_COPY: dict[str, Any] = {"family": "errno", "composite": True, "two_paths": True}
# From 3.12 on copy2 calls CopyFile2, whose error names no file (CPython Lib/shutil.py, Modules/_winapi.c).
_COPY2 = {**_COPY, "family": "winerror", "names": "none"} if sys.version_info >= (3, 12) else _COPY

#: All operations. The groups of `open` and `os.open` are the widest; `open_groups` narrows them by mode.
OPERATIONS: dict[str, OperationKind] = dict(
    [
        _kind("os.rename", "rename mutate", **_TWO),
        _kind("os.replace", "rename mutate", **_TWO),
        _kind("os.remove", "delete mutate"),
        _kind("os.rmdir", "delete mutate"),
        _kind("os.mkdir", "create mutate"),
        _kind("os.open", "read write create mutate", family="errno"),
        _kind("open", "read write create mutate", family="errno"),
        _kind("os.stat", "metadata"),
        _kind("os.lstat", "metadata"),
        _kind("os.access", "metadata"),
        _kind("os.listdir", "read"),
        _kind("os.scandir", "read"),
        _kind("os.chmod", "metadata mutate"),
        _kind("os.utime", "metadata mutate"),
        _kind("os.truncate", "write mutate", family="errno"),
        _kind("os.link", "create mutate", **_TWO),
        _kind("os.symlink", "create mutate", **_TWO),
        _kind("os.readlink", "metadata"),
        _kind("os.chdir"),
        _kind("os.read", "read", **_BYTES),
        _kind("os.write", "write mutate", **_BYTES),
        _kind("os.fsync", "write", **_FD),
        _kind("os.close", **_FD),
        _kind("os.sendfile", "write mutate", two_paths=True, **_BYTES),
        _kind("os.copy_file_range", "write mutate", two_paths=True, **_BYTES),
        _kind("file.read", "read", **_BYTES),
        _kind("file.write", "write mutate", **_BYTES),
        _kind("file.flush", "write", **_FD),
        _kind("file.truncate", "write mutate", **_FD),
        _kind("file.close", **_FD),
        _kind("mmap.mmap", "read", names="none"),
        _kind("subprocess.Popen", "", names="none"),
        _kind("shutil.copyfile", **_COPY),
        _kind("shutil.copy", **_COPY),
        _kind("shutil.copy2", **_COPY2),
        _kind("shutil.copytree", composite=True, two_paths=True),
        _kind("shutil.copystat", composite=True, two_paths=True),
        _kind("shutil.copymode", composite=True, two_paths=True),
        _kind("shutil.move", composite=True, two_paths=True, names="both"),
        _kind("shutil.rmtree", composite=True),
        _kind("shutil.make_archive", composite=True, family="errno"),
        _kind("shutil.unpack_archive", composite=True, family="errno"),
        _kind("shutil.disk_usage", composite=True),
        _kind("shutil.chown", composite=True),
    ]
)

#: Other names under which callers know an operation.
ALIASES = {"os.unlink": "os.remove", "io.open": "open", "builtins.open": "open"}

#: Groups hold primitives only.
GROUPS: dict[str, frozenset[str]] = {
    group: frozenset(kind.name for kind in OPERATIONS.values() if group in kind.groups)
    for group in ("rename", "delete", "read", "write", "create", "metadata", "mutate", "any")
}

#: What a message ends with that refuses a name which no other one is near to.
SUCH = "; write a name such as 'os.replace', or a group such as 'rename'"

#: A native program has one call where Python has two names: a rule for either means it.
EITHER: dict[str, tuple[str, ...]] = {
    "os.replace": ("os.replace", "os.rename"),
    "os.open": ("os.open", "open"),
    "os.write": ("os.write", "file.write"),
    "os.fsync": ("os.fsync", "file.flush"),
    "os.close": ("os.close", "file.close"),
    "os.truncate": ("os.truncate", "file.truncate"),
}
_ONE = {name: first for first, names in EITHER.items() for name in names}


def is_same_call(one: str, other: str) -> bool:
    """Return whether two operations are one call of the system, as far as that can be seen there."""
    return _ONE.get(one, one) == _ONE.get(other, other)


_NARROW = [GROUPS[group] for group in ("rename", "delete", "create", "metadata", "read", "write")]


def same_group(names: Iterable[str]) -> set[str]:
    """Return the operations that share a narrow group with one of `names`."""
    return {other for name in names for group in _NARROW if name in group for other in group}


_READS = frozenset({"read", "any"})
_CHANGES = frozenset({"write", "mutate", "any"})
_CREATES = _CHANGES | {"create"}
_MODES = {"r": _READS, "w": _CREATES, "a": _CREATES, "x": _CREATES}


def open_groups(mode: str) -> frozenset[str]:
    """Return the groups of an `open` with `mode`, such as ``"rb"`` or ``"w+"``."""
    return _groups_of(mode) if isinstance(mode, str) else _READS  # what is no text is refused by `open`


@lru_cache(maxsize=64)
def _groups_of(mode: str) -> frozenset[str]:
    groups = next((found for letter, found in _MODES.items() if letter in mode), _READS)
    return groups | _READS | _CHANGES if "+" in mode else groups


def flag_groups(flags: int) -> frozenset[str]:
    """Return the groups of an `os.open` with `flags`."""
    access = flags & (os.O_RDONLY | os.O_WRONLY | os.O_RDWR)
    groups = frozenset() if access == os.O_WRONLY else _READS
    if access != os.O_RDONLY or flags & os.O_TRUNC:
        groups |= _CHANGES
    return groups | _CREATES if flags & os.O_CREAT else groups


#: The flag by which Windows deletes a file with its last handle; elsewhere a bit that the system passes over.
O_TEMPORARY: int = getattr(os, "O_TEMPORARY", 1 << 24)


class Temporary(int):
    """The flags by which `tempfile.NamedTemporaryFile` opens a file that is to go with its last handle.

    On Windows it adds O_TEMPORARY, which asks for deletion and shares it.
    """

    __slots__ = ()


class Following(int):
    """The mode of an `os.chmod` that is to follow links, which is not its default on Windows."""

    __slots__ = ()


class Operation(Row):
    """What was asked: one call of the code under test, before it is decided.

    `path` and `target` are absolute and normalised lexically; `shown` and `shown_target` are what was
    passed, after `os.fspath`, as an error names them (an int where a descriptor was passed).
    """

    name: str
    path: str
    target: str | None = None
    groups: frozenset[str] = frozenset()
    shown: str | bytes | int | None = None
    shown_target: str | bytes | int | None = None
    call_site: str = ""
    early_bound: bool = False  # reached by the audit hook: the call that follows is not ours
    doubtful: bool = False  # may be the other one of rename and replace: only rules for both apply
    program: str | None = None  # the native program that makes the call, by its base name
    detail: Any = None  # a mode, flags, a length, or whether what is closed was opened for writing
