"""Replace the selector wait of an asyncio loop: it ends at an event or when virtual time reaches the next timer."""

from __future__ import annotations

import sys
from _thread import get_ident
from functools import partial
from typing import TYPE_CHECKING, Any

from pytest_fsfault._core.clock import nanoseconds
from pytest_fsfault._core.waiter import Waiter
from pytest_fsfault._intercept.virtual_time.asyncio_clock import KEY, SleepCallback, time_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType

    from pytest_fsfault._core.clock import VirtualClock
    from pytest_fsfault._intercept.virtual_time.scope import ClockScope

    Wait = Callable[[float | None], list[Any]]

# Real nanoseconds for which a connection must be silent before a sleep of the same loop is jumped over.
_SILENCE = 100_000_000
# Real nanoseconds that the bell of a loop has to arrive.
_BELL = 1_000_000_000
# Microseconds that a turn of a loop costs which does not wait: about what it takes, so that one that spins
# until a limit gets there.
_TURN = 20
_READ, _WRITE = 1, 2  # as in `selectors`
_POLL_IN, _POLL_OUT = 1, 4  # <poll.h>
# Callbacks of asyncio for sockets that listen: what connects is of the test, or a child.
_ACCEPTING = frozenset({"_accept_connection", "_sock_accept"})
# Where a thread stands that only waits for other threads: nothing comes from outside for it.
_JOINING = frozenset({"join", "_wait_for_tstate_lock"})


def loop_of(scope: ClockScope, selector: Any) -> Any:
    """Return the loop that asks `selector` for events in this thread, if it lives by the clock in force."""
    events = sys.modules.get("asyncio.events")
    loop = None if events is None else events._get_running_loop()
    if loop is None or getattr(loop, "_selector", None) is not selector:
        return None
    time = vars(loop).get(KEY)
    if time is None or not time.asked or time.settle().clock is not scope.virtual:
        return None
    time.asked = False
    return loop


def select(clock: VirtualClock, loop: Any, wait: Wait, timeout: float | None) -> list[Any]:
    """Return the events that `wait` finds for `loop`, once there are any or `timeout` has passed."""
    events = wait(0)
    if events or (timeout is not None and timeout <= 0):
        clock.reading(_TURN)
        return events
    clock.raise_if_ended()
    if timeout is None:
        return _wait_for_events(clock, loop, wait)
    return clock.watch(_LoopWaiter(clock, loop, nanoseconds(timeout)), wait)


def _wait_for_events(clock: VirtualClock, loop: Any, wait: Wait) -> list[Any]:
    thread = get_ident()
    if _can_be_asked(loop._selector):
        clock._waiters[thread] = _LoopWaiter(clock, loop, None)
    try:
        if has_connections(loop):
            return clock.outside(partial(wait, None))
        return wait(None)
    finally:
        clock.leave(thread)


class _LoopWaiter(Waiter):
    """A loop that waits for events; an event notifies it.

    It is patient while an answer from outside is expected: for the limit of a wait real time passes then,
    while a sleep only needs some silence.
    """

    __slots__ = ("_called", "_clock", "_connected", "_loop", "_sleeps")

    def __init__(self, clock: VirtualClock, loop: Any, span: int | None) -> None:
        super().__init__(clock.now_ns(), clock.activity.monotonic_ns(), span)
        self._clock, self._loop, self._called = clock, loop, 0
        self._connected = has_connections(loop)
        self._sleeps = bool(loop._scheduled) and isinstance(loop._scheduled[0]._callback, SleepCallback)

    @property
    def notified(self) -> bool:
        """Whether there is an event, which the loop may not have seen yet; to other threads also one that is about to come."""
        return _has_events(self._loop._selector) or (get_ident() != self.thread and self._is_called())

    @notified.setter
    def notified(self, value: bool) -> None:
        """Leave it: only events notify a loop."""

    def _is_called(self) -> bool:
        """Return whether another thread has handed something over just now: the bell that tells the loop is on its way.

        A proactor does not tell of it. Who calls `call_soon` from another thread rings none, and wakes no loop.
        """
        if not self._loop._ready:
            return False
        now = self._clock.activity.monotonic_ns()
        self._called = self._called or now
        return now - self._called < _BELL

    @property
    def patient(self) -> bool:
        """Whether real time has to pass."""
        if self._is_called():
            return True
        if self._sleeps:
            return self._connected and self._clock.activity.monotonic_ns() - self.since < _SILENCE
        return self._connected or self._has_foreign_work()

    @patient.setter
    def patient(self, value: bool) -> None:
        """Leave it: it depends on what goes on."""

    def _has_foreign_work(self) -> bool:
        """Return whether a thread to which the loop has handed something waits for what the clock does not know."""
        loop = self._loop
        if all(answer.done() for answer in time_of(loop).answers.alive()) and not getattr(
            loop, "_executor_shutdown_called", False
        ):
            return False
        waiting, frames = self._clock._waiters, sys._current_frames()
        return any(
            not _is_idle(frame.f_code)
            for thread, frame in frames.items()
            if thread not in waiting and self._clock.activity.belongs(thread)
        )


def _is_idle(code: CodeType) -> bool:
    """Return whether a thread whose innermost code this is waits for work, or for other threads."""
    if code.co_name == "_worker":
        return code.co_filename.endswith("thread.py")
    return code.co_name in _JOINING and code.co_filename.endswith("threading.py")


def has_connections(loop: Any) -> bool:
    """Return whether `loop` waits for anything but its own wake-up and new connections."""
    selector = loop._selector
    under_way = getattr(selector, "_cache", None)  # of the proactor of Windows, the bell included
    if under_way is not None:
        return len(under_way) > 1
    keys, lock = selector.get_map(), loop._ssock.fileno()
    return len(keys) > 1 and any(key.fd != lock and not _accepts(key.data) for key in keys.values())


def _accepts(handles: Any) -> bool:
    reader = handles[0] if isinstance(handles, tuple) else None
    return getattr(getattr(reader, "_callback", None), "__name__", None) in _ACCEPTING


def _can_be_asked(selector: Any) -> bool:
    return hasattr(selector, "get_map")


def _has_events(selector: Any) -> bool:
    """Return whether events wait at `selector`, asked by any thread without taking them."""
    if not _can_be_asked(selector):
        return False
    try:
        if hasattr(selector, "fileno"):
            wanted = [(selector.fileno(), _READ)]
        else:
            wanted = [(key.fd, key.events) for key in tuple(selector.get_map().values())]
        return _any_ready(wanted)
    except (OSError, RuntimeError, ValueError, AttributeError):
        return True  # its loop is at it just now


def _any_ready(wanted: list[tuple[int, int]]) -> bool:
    module = sys.modules["select"]
    if not hasattr(module, "poll"):
        reading, writing = ([fd for fd, events in wanted if events & kind] for kind in (_READ, _WRITE))
        return any(module.select(reading, writing, [], 0))
    poll = module.poll()
    for fd, events in wanted:
        poll.register(fd, (events & _READ and _POLL_IN) | (events & _WRITE and _POLL_OUT))
    return bool(poll.poll(0))
