"""`Thread.join(timeout)` in virtual time: its wait ends when the thread does, or at the virtual time of its limit."""

from __future__ import annotations

import threading
from functools import partial, wraps
from sys import _getframe
from threading import get_ident
from typing import TYPE_CHECKING, Any

from pytest_fsfault._core.clock import SECOND, nanoseconds
from pytest_fsfault._intercept.patching.patches import Patch
from pytest_fsfault._intercept.patching.tracebacks import hide_frames
from pytest_fsfault._intercept.virtual_time.process_timeouts import looking
from pytest_fsfault._intercept.virtual_time.scope import ACTIVE, EXEMPT, VIRTUAL

if TYPE_CHECKING:
    from threading import Thread

    from pytest_fsfault._core.clock import VirtualClock
    from pytest_fsfault._core.waiter import Waiter
    from pytest_fsfault._intercept.virtual_time.scope import ClockScope

_real_join: Any = threading.Thread.join
_real_delete: Any = vars(threading.Thread).get("_delete")
# Real seconds that a thread has to be gone once its code has ended.
_MOMENT = 0.5

# Who waits for the end of which thread.
_joiners: dict[Thread, list[Waiter]] = {}


@wraps(_real_join)
def _join(self: Thread, timeout: float | None = None) -> None:
    scope, thread = ACTIVE.scope, get_ident()
    if timeout is None or not _is_limit(timeout) or scope is None or not scope.activity.belongs(thread):
        return _real_join(self, timeout)  # type: ignore[no-any-return]
    kind = scope.kind_of(_getframe().f_back)
    # `communicate` joins threads that read on Windows: a look at a process is no wait of its own.
    if kind == EXEMPT or _real_delete is None or thread in looking:
        return _real_join(self, timeout)  # type: ignore[no-any-return]
    _real_join(self, 0)  # refuses what has no end to wait for
    try:
        return _join_living(scope, self, timeout, kind) if self.is_alive() else None
    except BaseException as error:
        hide_frames(error)
        raise


def _join_living(scope: ClockScope, self: Thread, timeout: float, kind: int) -> None:
    """Wait for a thread that has not ended: in virtual time, or in real time that is noted."""
    if scope.virtual is not None:
        if scope.activity.belongs(self.ident or 0):
            return _join_virtually(scope.virtual, self, timeout, patient=kind != VIRTUAL)
        # A thread in real time: the clock does not know what it does.
        return scope.virtual.outside(partial(_real_join, self, timeout))  # type: ignore[no-any-return]
    scope.clock.raise_if_ended()
    began = scope.clock.now_ns()
    _real_join(self, timeout)
    if self.is_alive():
        scope.clock.note(began, round(timeout * SECOND))
    return None


def _is_limit(timeout: object) -> bool:
    """Return whether this is a wait at all; what returns or raises at once is left to the real one."""
    return isinstance(timeout, (int, float)) and 0 < timeout <= threading.TIMEOUT_MAX


def _join_virtually(clock: VirtualClock, thread: Thread, timeout: float, *, patient: bool) -> None:
    clock.raise_if_ended()
    waiter = clock.waiter(nanoseconds(timeout), patient=patient)
    waiters = _joiners.setdefault(thread, [])
    waiters.append(waiter)
    try:
        # In this order: either it is seen here that its code has ended, or `_delete` sees the waiter.
        if threading._active.get(thread.ident) is thread and not clock.wait(waiter):  # type: ignore[attr-defined]
            return
    finally:
        waiters.remove(waiter)
        if not waiters:
            _joiners.pop(thread, None)
    _real_join(thread, _MOMENT)


def _delete(self: Thread) -> None:
    """Do what a thread does last, and wake those who wait for its end."""
    _real_delete(self)
    for waiter in tuple(_joiners.get(self, ())):
        waiter.release()


JOIN = Patch(threading.Thread, "join", _real_join, _join)
DELETE = Patch(threading.Thread, "_delete", _real_delete, _delete)
