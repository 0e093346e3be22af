"""Record what was asked, what was decided, and what came of it."""

from __future__ import annotations

import os
from _thread import get_ident
from collections.abc import Sequence
from typing import TYPE_CHECKING, overload

from pytest_fsfault._core.language.errors import copied
from pytest_fsfault._core.language.mistakes import FsFaultError, nearest
from pytest_fsfault._core.language.operations import ALIASES, GROUPS, OPERATIONS, SUCH
from pytest_fsfault._core.language.rows import Row
from pytest_fsfault._core.locks import known_lock

if TYPE_CHECKING:
    from pytest_fsfault._core.engine.records import Handling, Outcome
    from pytest_fsfault._core.language.operations import Operation

# pytest leaves the frames of this module out of tracebacks: they are not the user's.
__tracebackhide__ = True


class Entry(Row):
    """One call that a rule matched, with what became of it.

    `outcome` is ``"ok"``, ``"raised"`` (injected), ``"failed"`` (a native error), ``"short"``, ``"crashed"``
    or ``"passed"`` (let through, its result unknown: bound early, or an open of a native program). `error` is a copy without traceback,
    `at` virtual seconds since the start, `call_site` ``"file:line"`` in the code under test. `program` is the
    native program that made the call, None for Python; its call site is the line that started it, program and call.
    `hold` is the number of the hold that refused it, if one did; `nth`, where calls are numbered, tells which of the
    calls of this operation on this path and target it is (see `CallNumbers`).
    """

    index: int  # type: ignore[assignment]  # hides the method of tuples
    operation: str
    path: str
    target: str | None
    fault: str | None
    reason: str
    outcome: Outcome
    error: BaseException | None
    at: float
    thread: int
    process: int
    call_site: str
    program: str | None = None
    hold: int | None = None
    nth: int = 0


_new = tuple.__new__


class Journal(Sequence[Entry]):
    """The entries so far, in the order in which their calls ended."""

    __module__ = "pytest_fsfault"

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._lock = known_lock()

    def note(
        self,
        operation: Operation,
        handling: Handling,
        outcome: Outcome,
        error: BaseException | None,
        who: tuple[int, int] | None = None,
    ) -> None:
        """Add one entry; an error is copied, since its traceback would keep the caller's open files alive.

        `who` are the thread and the process of the call, by default the calling ones.
        """
        kept = None if error is None else copied(error)
        thread, process = who or (get_ident(), os.getpid())
        name, path, target, _, _, _, site, _, _, program, _ = operation
        fault, reason, at, hold, nth = handling
        entries = self._entries
        with self._lock:
            while True:
                index = len(entries)
                # In the order of its fields, which is much faster than by their names.
                entry = _new(Entry, (
                    index, name, path, target, fault, reason, outcome, kept, at, thread, process, site, program,
                    hold, nth,
                ))  # fmt: skip
                # A garbage collection in between may have closed a file, and that is an entry, too.
                if index == len(entries):
                    entries.append(entry)
                    return

    @property
    def faults(self) -> list[Entry]:
        """The entries in which a fault acted."""
        return [entry for entry in self._entries if entry.fault is not None]

    def of(self, operation: str) -> list[Entry]:
        """Return the entries of one operation or group, such as ``"os.replace"`` or ``"rename"``."""
        names = members(operation)
        return [entry for entry in self._entries if entry.operation in names]

    def __len__(self) -> int:
        return len(self._entries)

    @overload
    def __getitem__(self, index: int) -> Entry: ...
    @overload
    def __getitem__(self, index: slice) -> list[Entry]: ...
    def __getitem__(self, index: int | slice) -> Entry | list[Entry]:
        return self._entries[index]

    def __repr__(self) -> str:
        return f"<journal of {len(self)} entries, {len(self.faults)} of them faults>"


def members(operation: str) -> frozenset[str]:
    """Return the operations that a name stands for: an operation, an alias or a group."""
    if not isinstance(operation, str):
        raise FsFaultError(f"{operation!r} is not an operation{SUCH}")
    name = ALIASES.get(operation, operation)
    if name in OPERATIONS:
        return frozenset([name])
    if name in GROUPS:
        return GROUPS[name]
    known = [*OPERATIONS, *ALIASES, *GROUPS]
    instead = nearest(operation, known) or SUCH
    raise FsFaultError(f"unknown operation {operation!r}{instead}")
