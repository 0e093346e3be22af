"""Refuse changes outside the roots, where a session asks for that: ``outside="refuse"``."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from typing import TYPE_CHECKING

from pytest_fsfault._core.language.errors import build, parse_error
from pytest_fsfault._core.language.operations import OPERATIONS
from pytest_fsfault._host.descriptors import path_of_descriptor
from pytest_fsfault._host.originals import ORIGINALS

if TYPE_CHECKING:
    from pytest_fsfault._core.engine.interfaces import Sessions
    from pytest_fsfault._core.language.operations import Operation
    from pytest_fsfault._intercept.calls.state import InterceptState


def refuse_outside(state: InterceptState, operation: Operation) -> None:
    """Raise PermissionError (EACCES) for an operation that would change something outside the roots; write it down."""
    ends = operation.path, operation.target
    for engine in state.guarded:
        if engine.guard is None:
            continue
        stray = engine.guard.stray(operation.name, operation.groups, ends, tuple(state.top_roots))
        if stray is None:
            real = [None if end is None else _behind_links(end) for end in ends]
            stray = engine.guard.stray(operation.name, operation.groups, real, _real_roots(state))
        if stray is not None:
            raise _refusal(engine, operation, stray, engine.guard.refuse(stray, operation.call_site))


def _refusal(engine: Sessions, operation: Operation, stray: str, reason: str) -> OSError:
    kind = OPERATIONS[operation.name]
    shown = None if kind.names == "none" else operation.shown
    target = operation.shown_target if kind.names == "both" else None
    error = build(parse_error(errno.errorcode[errno.EACCES]), kind.family, shown, target)
    error.add_note(reason)
    engine.note_stray(operation, stray, reason, error)
    return error


def _real_roots(state: InterceptState) -> tuple[str, ...]:
    return tuple({*state.top_roots, *map(_behind_links, state.top_roots)})


def _behind_links(path: str) -> str:
    """Return where the last component of a path really stands; the path itself if its directory is missing."""
    head, _, name = path.rpartition("/")
    with suppress(OSError, ValueError):
        descriptor = ORIGINALS["os", "open"](head or "/", os.O_RDONLY)
        try:
            found = path_of_descriptor(descriptor)
        finally:
            ORIGINALS["os", "close"](descriptor)
        if found is not None:
            return f"{found.rstrip('/')}/{name}"
    return path
