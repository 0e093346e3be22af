"""Tell whether files may have been changed since the last look, for what the clock must know of their stamps."""

from __future__ import annotations

import sys
from functools import partial
from itertools import count
from os import O_RDONLY, close, read
from os import open as open_descriptor
from typing import TYPE_CHECKING, cast

from pytest_fsfault._core.clock import VirtualClock
from pytest_fsfault._core.language.operations import GROUPS

if TYPE_CHECKING:
    from pytest_fsfault._core.engine.engine import Engine
    from pytest_fsfault._core.engine.interfaces import Sessions
    from pytest_fsfault._intercept.calls.state import InterceptState

_FAILED = frozenset({"raised", "failed"})
_unknown = count(1 << 32, 1 << 32)


class Changes:
    """A number that is another one once a call of this process may have changed a file: one that was not refused.

    It counts what the session counts, and all `write` calls of the process: those on open files are not counted.
    """

    def __init__(self, state: InterceptState, engine: Engine) -> None:
        self._state = state
        self._engine = engine
        self._seen = 0  # entries of the journal
        self._failed = 0

    def __call__(self) -> int:
        """Return the number."""
        names, engine = GROUPS["mutate"], self._engine
        counted = sum([tally.count for name, tally in tuple(engine.tallies.items()) if name in names])
        pending = self._state.pending(names) if engine.gate else 0
        return counted + pending - self._failures() + _written()

    def _failures(self) -> int:
        journal = self._engine.journal
        if len(journal) < self._seen:  # a trial has a journal of its own
            self._seen = 0
        added = journal[self._seen :]
        self._seen += len(added)
        names = GROUPS["mutate"]
        self._failed += sum([entry.outcome in _FAILED and entry.operation in names for entry in added])
        return self._failed


def bind_clock(state: InterceptState, engine: Sessions) -> None:
    """Let the clock of a session know its calls, each of which takes time, and what they may have changed."""
    clock = engine.clock
    if isinstance(clock, VirtualClock):
        clock.operations = partial(state.operations, engine)
        if clock.looks_for_changes:
            clock.changes = Changes(state, cast("Engine", engine))
        clock.raise_if_ended = state.raise_if_ended


def unbind_clock(clock: object) -> None:
    """Let a clock whose session is over know its calls no more: both are gone then without a garbage collection."""
    if isinstance(clock, VirtualClock):
        clock.operations = partial(int, clock.operations())  # as many as there were
        clock.changes = partial(int, 0)


def _written() -> int:
    """Return how many times this process has called `write` or its like; 0 where Linux does not count.

    Where another system does not count, a number that is another one each time: a file may have been written.
    """
    if sys.platform == "win32":
        from pytest_fsfault._host.windows_api import write_count  # noqa: PLC0415  # not there elsewhere

        return write_count() or next(_unknown)
    if sys.platform != "linux":
        return next(_unknown)
    try:
        descriptor = open_descriptor("/proc/self/io", O_RDONLY)
    except OSError:
        return 0
    try:
        return int(read(descriptor, 200).partition(b"syscw: ")[2].split(maxsplit=1)[0])
    except (OSError, IndexError, ValueError):
        return 0
    finally:
        close(descriptor)
