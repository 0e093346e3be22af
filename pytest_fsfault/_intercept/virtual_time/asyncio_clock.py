"""Put asyncio's event loops under the virtual clock.

asyncio is not imported for it: once it is loaded, loops are covered. A loop whose selector is not one of the
standard library's, and a loop of a thread that does not belong to the test, keep real time.
"""

from __future__ import annotations

import sys
from _thread import get_ident
from functools import wraps
from time import monotonic_ns
from typing import TYPE_CHECKING, Any
from weakref import ref

from pytest_fsfault._core.clock import SECOND, nanoseconds
from pytest_fsfault._core.language.rows import Row
from pytest_fsfault._core.weak import WeakObjects
from pytest_fsfault._intercept.patching.late import LatePatches
from pytest_fsfault._intercept.patching.patches import Patch
from pytest_fsfault._intercept.virtual_time.scope import ACTIVE

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_fsfault._core.clock import VirtualClock
    from pytest_fsfault._intercept.virtual_time.scope import ClockScope

#: The attribute of a loop that holds its `LoopClock`.
KEY = "_fsfault_time"

#: The methods `select` that hand over to `asyncio_waits.select`; a loop with any other keeps real time.
patched_selects: set[Callable[..., Any]] = set()

_loops: list[ref[Any]] = []  # those that have a `LoopClock`


class _Basis(Row):
    """What drives the time of a loop: a clock, or real time; and what is added to that."""

    clock: VirtualClock | None
    epoch: int
    offset: int

    def now_ns(self) -> int:
        """Return the time of the loop."""
        driven = monotonic_ns() if self.clock is None else self.epoch + self.clock.now_ns()
        return driven + self.offset


_REAL = _Basis(None, 0, 0)


class LoopClock:
    """The time of one loop: it goes on without a step when another clock comes to drive it."""

    __slots__ = ("_basis", "_loop", "answers", "asked")

    def __init__(self, loop: Any, basis: _Basis) -> None:
        self._loop = ref(loop)
        self._basis = basis
        #: What was handed to executors.
        self.answers: WeakObjects[Any] = WeakObjects()
        #: Whether the time was read since the loop last looked for events; never, if it has a time of its own.
        self.asked = False
        vars(loop)[KEY] = self
        _loops.append(self._loop)

    def settle(self) -> _Basis:
        """Return what drives the loop now."""
        scope, basis = ACTIVE.scope, self._basis
        clock = None if scope is None else scope.virtual
        if scope is not None and clock is not None and not _lives_by(scope, self._loop()):
            clock = None
        if clock is not basis.clock:
            new = _Basis(clock, 0 if scope is None else scope.epoch["monotonic"], 0)
            basis = self._basis = new._replace(offset=basis.now_ns() - new.now_ns())
        return basis

    def read(self) -> float:
        """Return the time of the loop, in seconds, to code that pays for it."""
        self.asked = True
        basis = self.settle()
        if basis.clock is not None:
            basis.clock.reading()
        return basis.now_ns() / SECOND


def _lives_by(scope: ClockScope, loop: Any) -> bool:
    thread = getattr(loop, "_thread_id", None) or get_ident()
    return scope.activity.belongs(thread) and (
        getattr(type(getattr(loop, "_selector", None)), "select", None) in patched_selects
    )


def time_of(loop: Any) -> LoopClock:
    """Return the time of `loop`, which may have given real time so far."""
    return vars(loop).get(KEY) or LoopClock(loop, _REAL)


# What stands in for methods of asyncio's loops


def _making(real: Any) -> Any:
    @wraps(real)
    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        real(self, *args, **kwargs)
        scope = ACTIVE.scope
        if scope is not None and scope.virtual is not None and scope.activity.belongs(get_ident()):
            # Not yet asked for its time: it has the one that `time.monotonic` tells.
            LoopClock(self, _Basis(scope.virtual, scope.epoch["monotonic"], 0))

    return init


def _reader(real: Any) -> Any:
    @wraps(real)
    def time(self: Any) -> float:
        return time_of(self).read()

    return time


class SleepCallback:
    """What ends an `asyncio.sleep`, and records it."""

    __slots__ = ("_began", "_clock", "_span", "_wake")

    def __init__(self, clock: VirtualClock, span: int, wake: Callable[[Any, Any], object]) -> None:
        self._clock, self._span, self._wake = clock, span, wake
        self._began = clock.now_ns()

    def __call__(self, future: Any, result: Any) -> None:
        if not future.done():
            self._clock.note(self._began, self._span)
        self._wake(future, result)


def _timer(real: Any) -> Any:
    @wraps(real)
    def call_later(self: Any, delay: Any, callback: Any, *args: Any, context: Any = None) -> Any:
        clock = time_of(self).settle().clock
        wake = getattr(sys.modules.get("asyncio.futures"), "_set_result_unless_cancelled", None)
        if clock is not None and callback is not None and wake is not None and callback is wake:
            span = nanoseconds(delay)
            if span is not None:
                callback = SleepCallback(clock, span, wake)
        return real(self, delay, callback, *args, context=context)

    return call_later


def _executor(real: Any) -> Any:
    @wraps(real)
    def run_in_executor(self: Any, *args: Any, **kwargs: Any) -> Any:
        future = real(self, *args, **kwargs)
        time_of(self).answers.add(future)
        return future

    return run_in_executor


_METHODS = {"__init__": _making, "time": _reader, "call_later": _timer, "run_in_executor": _executor}


def _base() -> Any:
    return getattr(sys.modules.get(MODULE), "BaseEventLoop", None)


def _make(_module: str) -> list[Patch] | None:
    found = _base()
    if found is None:
        return None
    return [
        Patch(found, name, real, make(real))
        for name, make in _METHODS.items()
        if (real := vars(found).get(name))
    ]


#: The module that has the class of all loops.
MODULE = "asyncio.base_events"
#: The patches of this room, once that module is loaded.
LATE = LatePatches((MODULE,), _make)


def leave() -> None:
    """Let the loops that outlive the last session go on from what they showed."""
    for found in tuple(_loops):
        loop = found()
        if loop is None or loop.is_closed() or not _goes_on(loop):
            _loops.remove(found)
            if loop is not None:
                vars(loop).pop(KEY, None)


def _goes_on(loop: Any) -> bool:
    """Keep the time that `loop` showed, and return whether that differs from the real one."""
    time = time_of(loop)
    if not time.settle().offset or type(loop).time is not _base().time:
        return False
    vars(loop).setdefault("time", time.read)
    return True
