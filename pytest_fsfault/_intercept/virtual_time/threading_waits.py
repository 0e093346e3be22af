"""Wait by virtual time in `threading`, on which `queue` is built, and know which threads belong to the test."""

from __future__ import annotations

import threading
from _thread import get_ident
from contextlib import suppress
from functools import wraps
from sys import _getframe
from typing import TYPE_CHECKING, Any

from pytest_fsfault._core.clock import SECOND, nanoseconds
from pytest_fsfault._intercept.patching.patches import Patch
from pytest_fsfault._intercept.patching.tracebacks import hide_frames
from pytest_fsfault._intercept.virtual_time.process_timeouts import looking
from pytest_fsfault._intercept.virtual_time.scope import ACTIVE, EXEMPT, VIRTUAL

if TYPE_CHECKING:
    from threading import Condition, Thread

    from pytest_fsfault._core.clock import VirtualClock
    from pytest_fsfault._intercept.virtual_time.scope import ClockScope

_real_wait: Any = threading.Condition.wait
_real_start: Any = threading.Thread.start

# Threads inside `Thread.start`, which waits for an Event of its own.
_starting_threads: set[int] = set()


@wraps(_real_wait)
def _wait(self: Condition, timeout: float | None = None) -> bool:
    scope, thread = ACTIVE.scope, get_ident()
    if scope is None or thread in _starting_threads or not scope.activity.belongs(thread):
        return _real_wait(self, timeout)  # type: ignore[no-any-return]
    kind = scope.kind_of(_getframe().f_back)
    if kind == EXEMPT or thread in looking or not (timeout is None or _is_virtual(timeout)):
        return _real_wait(self, timeout)  # type: ignore[no-any-return]
    try:
        if scope.virtual is None:
            return _wait_for_real(scope, self, timeout)
        return _wait_virtually(scope.virtual, self, timeout, patient=kind != VIRTUAL)
    except BaseException as error:
        hide_frames(error)
        raise


def _is_virtual(timeout: object) -> bool:
    """Return whether this is a wait at all; what returns or raises at once is left to the real one."""
    return isinstance(timeout, (int, float)) and 0 < timeout <= threading.TIMEOUT_MAX


def _wait_virtually(clock: VirtualClock, condition: Any, timeout: float | None, *, patient: bool) -> bool:
    """Wait as CPython's `Condition.wait` does, up to the order of steps, with a waiter of the clock's."""
    clock.raise_if_ended()
    if not condition._is_owned():
        raise RuntimeError("cannot wait on un-acquired lock")
    waiter = clock.waiter(None if timeout is None else nanoseconds(timeout), patient=patient)
    condition._waiters.append(waiter)
    saved_state = condition._release_save()
    notified = False
    try:
        notified = clock.wait(waiter)
        return notified
    finally:
        condition._acquire_restore(saved_state)
        if not notified:
            with suppress(ValueError):
                condition._waiters.remove(waiter)


def _wait_for_real(scope: ClockScope, condition: Condition, timeout: float | None) -> bool:
    scope.clock.raise_if_ended()
    began = scope.clock.now_ns()
    notified: bool = _real_wait(condition, timeout)
    if not notified and timeout is not None:
        scope.clock.note(began, round(timeout * SECOND))
    return notified


@wraps(_real_start)
def _start(self: Thread) -> None:
    scope, behind, starter = ACTIVE.scope, ACTIVE.behind, get_ident()
    if behind is None or not behind.activity.belongs(starter) or behind.kind_of(_getframe().f_back) == EXEMPT:
        _real_start(self)
        return
    if scope is None:
        # In a fixture: it has real time, and the test may wait for what it does.
        behind.activity.adopt(self, real=True)
        _real_start(self)
        return
    # Before it starts: it must count as at work from the first moment.
    scope.activity.adopt(self)
    _starting_threads.add(starter)
    try:
        _real_start(self)
    finally:
        _starting_threads.discard(starter)
        if not self._started.is_set():  # type: ignore[attr-defined]
            scope.activity.disown(self)


#: What waits under any clock, so that the waits are recorded.
WAIT = Patch(threading.Condition, "wait", _real_wait, _wait)
START = Patch(threading.Thread, "start", _real_start, _start)
