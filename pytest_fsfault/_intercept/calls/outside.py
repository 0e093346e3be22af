"""Refuse changes outside the roots, where a session asks for that: ``outside="refuse"``."""

from __future__ import annotations

import errno
import os
import stat
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol

from pytest_fsfault._core.engine.guard import OF_FILES, follows_links, landing
from pytest_fsfault._core.language.operations import OPERATIONS
from pytest_fsfault._host.descriptors import path_of_descriptor
from pytest_fsfault._host.originals import ORIGINALS, getcwd, readlink

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pytest_fsfault._core.engine.guard import Guard
    from pytest_fsfault._core.engine.interfaces import Sessions
    from pytest_fsfault._core.language.operations import Operation
    from pytest_fsfault._intercept.calls.functions import InterceptedFunction
    from pytest_fsfault._intercept.calls.state import InterceptState

_UNKNOWN = object()
_STREAMS = (0, 1, 2)
_NO_NAMES = frozenset({"", ".", ".."})
_MUTATE = frozenset({"mutate"})
# `mmap.ACCESS_READ` and `mmap.ACCESS_COPY`: mappings that change nothing. A mapping whose `prot` or `flags` say so is
# not told apart, since its event has neither.
_UNCHANGING = frozenset({1, 3})


class Surroundings(Protocol):
    """What a file system, real or fake, tells of a change that a guard asks about."""

    def real(self, path: str, /, *, follows: bool) -> str:
        """Return an absolute path without links; one in its last component stays, unless a change follows it."""
        ...

    def spelt(self, directories: Iterable[str], /) -> tuple[str, ...]:
        """Return directories of the system that runs the tests as they are named there."""
        ...

    def is_passing(self, operation: str, descriptor: int, /) -> bool:
        """Return whether nothing of a tree is changed through a descriptor."""
        ...


class _RealFileSystem:
    def real(self, path: str, *, follows: bool) -> str:
        """Return an absolute path without links."""
        return landing(path, _stand, readlink) if follows and sys.platform != "win32" else _stand(path)

    def spelt(self, directories: Iterable[str]) -> tuple[str, ...]:
        """Return the directories."""
        return tuple(directories)

    def is_passing(self, operation: str, descriptor: int) -> bool:
        """Return whether nothing of a tree is changed through a descriptor.

        So it is with a file that has no name any more, with pipes and devices, with shared memory, and with what the
        standard streams of this process go to.
        """
        try:
            status = ORIGINALS["os", "fstat"](descriptor)
        except (OSError, ValueError, OverflowError):
            return True  # it is not open, as the function itself will say
        if status.st_nlink == 0:
            return True
        if "metadata" in OPERATIONS[operation].groups:
            return False
        if not stat.S_ISREG(status.st_mode) or _is_memory(path_of_descriptor(descriptor) or ""):
            return True
        return any(_names(stream, status) for stream in _STREAMS)


REAL = _RealFileSystem()


def changed_descriptor(function: InterceptedFunction, args: Sequence[Any]) -> Any:
    """Return the descriptor through which a call would change something; a path where it names one."""
    return args[1] if function.function == "copy_file_range" else args[0]


def directories_of(kwargs: dict[str, Any]) -> tuple[object, object]:
    """Return where the two paths of a call are seen from: descriptors, or None for the current directory."""
    both = kwargs.get("dir_fd")
    return kwargs.get("src_dir_fd", both), kwargs.get("dst_dir_fd", both)


def does_follow(function: InterceptedFunction, kwargs: dict[str, Any]) -> bool:
    """Return whether a call follows links as far as its arguments by name tell."""
    return bool(kwargs.get("follow_symlinks", True)) and function.function != "lchmod"


def refuse_outside(
    state: InterceptState,
    operation: Operation,
    descriptor: object = None,
    system: Surroundings = REAL,
    *,
    links: bool = True,
    directories: Sequence[object] = (),
) -> None:
    """Raise PermissionError (EACCES) for an operation that would change something outside the roots; write it down.

    `descriptor` is what it would be changed through, where that is a file that is open; `system` its file system;
    `links` whether the call follows links, if it is one that can. `directories` are where its relative paths are seen
    from: descriptors, or None for the current directory; nothing, if that is not known.
    """
    asked = operation._replace(groups=_groups(operation))
    if "mutate" not in asked.groups:
        return
    written = [
        _as_written(shown, directories[place] if directories else _UNKNOWN)
        for place, shown in enumerate((operation.shown, operation.shown_target))
    ]
    for engine in state.guarded:
        stray = (
            None
            if engine.guard is None
            else _stray(engine.guard, state, asked, written, descriptor, system, links)
        )
        if engine.guard is not None and stray is not None:
            raise _refusal(engine, operation, stray, engine.guard.refuse(stray, operation.call_site))


def _stray(
    guard: Guard,
    state: InterceptState,
    asked: Operation,
    written: list[str | None],
    descriptor: object,
    system: Surroundings,
    links: bool,
) -> str | None:
    """Return what a call would change outside the roots, by its path as it is written, and as it really is."""
    ends = asked.path, asked.target
    roots = (*state.top_roots, *system.spelt(guard.allowed))
    stray = guard.stray(asked.name, asked.groups, ends, roots)
    if isinstance(descriptor, int):  # whose path is the real one
        return None if stray is None or system.is_passing(asked.name, descriptor) else stray
    if stray is not None and not any(written):
        return stray
    real = _real(asked, ends, written, system, links)
    roots = (*roots, *(system.real(root, follows=True) for root in state.top_roots))
    found = guard.stray(asked.name, asked.groups, real, roots)
    return found or (_hard_link(guard, asked, real, roots) if system is REAL else None)


def _hard_link(
    guard: Guard, asked: Operation, real: Sequence[str | None], roots: Sequence[str]
) -> str | None:
    """Return what stands for the path of a file outside that has got another name below a root, and would change.

    To make the name changes nothing: installers link from their caches.
    """
    source, target = real
    if asked.name == "os.link":
        if source and guard.stray("os.remove", asked.groups, (source, None), roots) is not None:
            guard.linked |= _identity(source)
        return None
    changed = target or source
    if not guard.linked or asked.name not in OF_FILES or not changed:
        return None
    return None if guard.linked.isdisjoint(_identity(changed)) else f"{changed}, a hard link to a file that"


def _identity(path: str) -> set[tuple[int, int]]:
    try:
        found = ORIGINALS["os", "stat"](path)
    except OSError:
        return set()
    return {(found.st_dev, found.st_ino)}


def _real(
    asked: Operation,
    ends: Sequence[str | None],
    written: Sequence[str | None],
    system: Surroundings,
    links: bool,
) -> list[str | None]:
    """Return where the ends of a call really are."""
    follows = links and follows_links(asked.name, asked.detail)
    return [
        None if end is None else system.real(as_written or end, follows=follows)
        for end, as_written in zip(ends, written, strict=True)
    ]


def _as_written(shown: object, directory: object) -> str | None:
    """Return an absolute path whose ``..`` goes up from where a link leads, as the system reads it; None without one.

    `directory` is where a relative path is seen from.
    """
    text = os.fsdecode(shown) if isinstance(shown, (str, bytes)) else ""
    if sys.platform == "win32" or ".." not in text.split("/"):
        return None
    if text.startswith("/"):
        return text
    if directory is _UNKNOWN:
        return None
    base = path_of_descriptor(directory) if isinstance(directory, int) else _current()
    return base and f"{base}/{text}"


def _current() -> str | None:
    try:
        return getcwd()
    except OSError:  # it has been deleted
        return None


def _groups(operation: Operation) -> frozenset[str]:
    """Return the groups of an operation; those of a mapping by which its file can be changed."""
    if operation.name != "mmap.mmap" or operation.detail is None:
        return operation.groups
    _, access, writable = operation.detail
    return operation.groups | _MUTATE if writable and access not in _UNCHANGING else operation.groups


def _stand(path: str) -> str:
    """Return where the last component of a path really stands; the path itself if its directory is missing."""
    head, _, name = path.rpartition("/")
    if name in _NO_NAMES:
        head, name = path, ""
    with suppress(OSError, ValueError):
        descriptor = ORIGINALS["os", "open"](head or "/", os.O_RDONLY)
        try:
            found = path_of_descriptor(descriptor)
        finally:
            ORIGINALS["os", "close"](descriptor)
        if found is not None:
            return f"{found.rstrip('/')}/{name}" if name else found
    return path


def _is_memory(path: str) -> bool:
    """Return whether a path is the name of shared memory, shm_overview(7)."""
    return os.path.dirname(path) == "/dev/shm"  # noqa: S108


def _names(descriptor: int, status: os.stat_result) -> bool:
    try:
        return os.path.samestat(ORIGINALS["os", "fstat"](descriptor), status)
    except OSError:
        return False


def _refusal(engine: Sessions, operation: Operation, stray: str, reason: str) -> OSError:
    kind = OPERATIONS[operation.name]
    shown = None if kind.names == "none" else operation.shown
    target = operation.shown_target if kind.names == "both" else None
    # For who is refused.
    from pytest_fsfault._core.language.errors import build, parse_error  # noqa: PLC0415
    from pytest_fsfault._core.language.legible import legible  # noqa: PLC0415

    error = build(parse_error(errno.errorcode[errno.EACCES]), kind.family, shown, target)
    error.add_note(legible(reason))
    engine.note_stray(operation, stray, reason, error)
    return error
