"""Tell what a native program's call would change outside the roots, where a session refuses that."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING

from pytest_fsfault._core.engine.guard import follows_links, landing
from pytest_fsfault._host.originals import NATIVE
from pytest_fsfault._intercept.native.bpf import WRITING
from pytest_fsfault._intercept.native.numbers import OF_LINKS

if TYPE_CHECKING:
    from pytest_fsfault._core.engine.engine import Engine
    from pytest_fsfault._core.engine.guard import Guard
    from pytest_fsfault._intercept.native.calls import Call

_AT_SYMLINK_NOFOLLOW = 0x100  # include/uapi/linux/fcntl.h
# What changes a file under all of its names.
_OF_FILES = frozenset(
    {"os.chmod", "os.truncate", "os.utime", "os.copy_file_range", "os.sendfile", "os.write"}
)


def stray_of(guard: Guard, engines: tuple[Engine, ...], call: Call) -> str | None:
    """Return what a call would change outside the roots, through links as well."""
    roots = [root for engine in engines for root in engine.roots]
    ends = call.path, call.target
    stray = guard.stray(call.operation, call.groups, ends, roots)
    written = _upwards(call)
    if "mutate" not in call.groups or (stray is not None and not any(written)):
        return stray
    real = _landings(call, ends, written)
    return guard.stray(call.operation, call.groups, real, roots) or _hard_link(guard, call, real[0], roots)


def _landings(call: Call, ends: tuple[str | None, ...], written: list[str | None]) -> list[str | None]:
    look = partial(landing, stand=_stand, readlink=NATIVE.readlink) if _follows(call) else _stand
    return [end and look(raw or end) for end, raw in zip(ends, written, strict=False)]


def _hard_link(guard: Guard, call: Call, source: str | None, roots: list[str]) -> str | None:
    """Return what stands for the path of a file outside that a program has given another name, and would change.

    To make the name changes nothing: installers link from their caches.
    """
    if call.operation == "os.link":
        if source and guard.stray("os.remove", call.groups, (source, None), roots) is not None:
            guard.linked |= _identity(source)
        return None
    changes = call.flags & WRITING if call.operation == "os.open" else call.operation in _OF_FILES
    changed = call.target or call.path
    if not changes or guard.linked.isdisjoint(_identity(changed) if guard.linked else ()):
        return None
    return f"{changed}, a hard link to a file that"


def _identity(path: str) -> set[tuple[int, int]]:
    try:
        found = NATIVE.stat(path)
    except OSError:
        return set()
    return {(found.st_dev, found.st_ino)}


def _upwards(call: Call) -> list[str | None]:
    """Return the paths of a call as they were written, of those that go up from where a link may lead."""
    return [
        None if raw is None or b".." not in raw.split(b"/") else os.fsdecode(raw)
        for raw in (*call.given, None, None)
    ]


def _follows(call: Call) -> bool:
    """Return whether a call changes what a link leads to."""
    if call.operation == "os.open":
        return follows_links(call.operation, call.flags)
    if call.syscall in OF_LINKS:
        return False
    return follows_links(call.operation, None) and not call.flags & _AT_SYMLINK_NOFOLLOW


def _stand(path: str) -> str:
    """Return where the last component of a path really stands."""
    head, _, tail = path.rpartition("/")
    if tail in {"", ".", ".."}:
        return str(NATIVE.realpath(path))
    return f"{NATIVE.realpath(head or '/').rstrip('/')}/{tail}"
