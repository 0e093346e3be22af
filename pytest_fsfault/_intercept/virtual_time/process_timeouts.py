"""Count the timeouts of `Popen.wait`, `communicate` and `connection.wait` in virtual time."""

from __future__ import annotations

import os
import sys
import time
from _thread import get_ident
from functools import partial
from typing import TYPE_CHECKING, Any

from pytest_fsfault._core.clock import SECOND, nanoseconds
from pytest_fsfault._core.engine.endings import SimulatedCrash
from pytest_fsfault._core.language.rows import Row
from pytest_fsfault._core.waiter import Waiter
from pytest_fsfault._intercept.virtual_time.process_pipes import is_waited_for, send_rest

if sys.platform == "win32":
    from _winapi import WAIT_OBJECT_0, WaitForSingleObject

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_fsfault._core.clock import VirtualClock

_PROCESS = getattr(os, "P_PID", 0)
# Only look: its end is left to be fetched by `wait`.
_UNSEEN = getattr(os, "WEXITED", 0) | getattr(os, "WNOHANG", 0) | getattr(os, "WNOWAIT", 0)


class Timed(Row):
    """A function with a timeout: the names of its arguments, and those that hold for its first call alone."""

    names: tuple[str, ...]
    once: tuple[str, ...] = ()
    raises: bool = False  # it waits for a process, and raises when the time is over
    returns: bool = False  # it waits for a process, and returns None then
    pipes: bool = False  # it sends to the process meanwhile, and fetches what that says

    def bind(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        """Return all arguments by name."""
        return {**dict(zip(self.names, args, strict=False)), **kwargs}


class _Look:
    """Make the same call with a timeout of a moment, again and again, until it has an answer."""

    def __init__(self, real: Callable[..., Any], timed: Timed, given: dict[str, Any]) -> None:
        self._real = real
        self._timed = timed
        self._given = given
        self._first = next(iter(timed.names))
        self.expired: Any = None
        self.answer: Any = None

    def __call__(self, pause: float | None) -> bool:
        """Return whether there is an answer within so many real seconds."""
        given = {**self._given, "timeout": pause}
        first = given.pop(self._first)
        if self._timed.pipes:
            send_rest(first)
        for name in self._timed.once:
            self._given.pop(name, None)
        expired = getattr(sys.modules.get("subprocess"), "TimeoutExpired", ())
        try:
            self.answer = self._real(first, **given)
        except expired as error:
            self.expired = error
            return False
        # A process that has ended answers with its code, which may be 0.
        if self._timed.returns:
            return self.answer is not None
        return bool(self.answer) or bool(expired and self._timed.raises)

    def is_waited_for(self) -> bool:
        """Return whether the process may wait for what the next call does."""
        return self._timed.pipes and is_waited_for(self._given[self._first])

    def is_answered(self) -> bool:
        """Return whether there is an answer that was not fetched yet, as far as can be seen without waiting."""
        first = self._given[self._first]
        if not (self._timed.raises or self._timed.returns):
            return bool(self._real(first, timeout=0))
        if first.returncode is not None:
            return True
        if sys.platform == "win32":
            return WaitForSingleObject(int(first._handle), 0) == WAIT_OBJECT_0
        try:
            return _waitid(_PROCESS, first.pid, _UNSEEN) is not None
        except ChildProcessError:
            return True


class _Waiter(Waiter):
    """A wait for a process; its end has notified it, though it was not reaped yet."""

    __slots__ = ("_look", "_patient")

    def __init__(self, clock: VirtualClock, span: int, look: _Look) -> None:
        self._look = look
        super().__init__(clock.now_ns(), clock.activity.monotonic_ns(), span)

    @property
    def notified(self) -> bool:
        """Whether there is an answer."""
        return self._look.is_answered()

    @notified.setter
    def notified(self, value: bool) -> None:
        """Leave it: only an answer notifies."""

    @property
    def patient(self) -> bool:
        """Whether real time has to pass: what the process waits for is still to be done here."""
        return self._patient or self._look.is_waited_for()

    @patient.setter
    def patient(self, value: bool) -> None:
        self._patient = value


_waitid: Any = getattr(os, "waitid", None)
_LOOKS = sys.platform == "win32" or _waitid is not None  # at a process, without fetching its end
_real_sleep, _monotonic_ns = time.sleep, time.monotonic_ns
_DYING = SECOND // 2  # real nanoseconds that a process has to die
_MOMENT = 0.02  # real seconds to fetch what is there


#: `Popen.wait` and `Popen.communicate`, which raise when the time is over; what `Process.join` calls on Windows.
PROCESSES = (
    Timed(("self", "timeout"), raises=True),
    Timed(("self", "input", "timeout"), once=("input",), raises=True, pipes=True),
    Timed(("self", "timeout"), returns=True),
)


#: The threads that look: what they wait for on the way is a part of that.
looking: set[int] = set()


def by_clock(
    clock: VirtualClock, real: Callable[..., Any], timed: Timed, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """Return what `real` returns; its timeout is over when the virtual clock says so.

    A wait that a crash ends leaves no process behind: all of them are killed.
    """
    try:
        return _by_clock(clock, real, timed, args, kwargs)
    except SimulatedCrash:
        if timed in PROCESSES and args:
            _reap(args[0])
        raise


def _reap(process: Any) -> None:
    """Wait a moment for a process that is about to be killed."""
    until = _monotonic_ns() + _DYING
    while process.poll() is None and _monotonic_ns() < until:
        _real_sleep(0.001)


def _by_clock(
    clock: VirtualClock, real: Callable[..., Any], timed: Timed, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    given = timed.bind(args, kwargs)
    timeout = given.get("timeout")
    span = nanoseconds(timeout)
    if span is None:
        return clock.outside(lambda: real(*args, **kwargs))
    clock.raise_if_ended()
    look, me = _Look(real, timed, given), get_ident()
    end = clock.now_ns() + span
    looking.add(me)
    try:
        found = clock.watch(_Waiter(clock, span, look) if _LOOKS else clock.waiter(span), look)
        if not found:
            # Either the time is over, and what is there is fetched; or the process has ended, and something is
            # still to come from a child of its own. Both take real time, which is never skipped.
            left = max(0, end - clock.now_ns())
            found = clock.outside(partial(look, max(left / SECOND, _MOMENT)), left)
    finally:
        looking.discard(me)
    if not found and look.expired is not None:
        look.expired.timeout = timeout
        raise look.expired
    return look.answer
