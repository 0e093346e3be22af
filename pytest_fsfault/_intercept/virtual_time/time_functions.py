"""Virtual time for synchronous code: put it in force, take it out, and everything `time` offers under it."""

from __future__ import annotations

import os
import sys
import threading
import time
from contextlib import contextmanager, nullcontext
from sys import _getframe
from typing import TYPE_CHECKING, Any

from pytest_fsfault._core.clock import SECOND, Clock, nanoseconds
from pytest_fsfault._intercept.patching.late import LatePatches
from pytest_fsfault._intercept.patching.patches import Patch, Patches, bind
from pytest_fsfault._intercept.patching.tracebacks import hide_frames
from pytest_fsfault._intercept.virtual_time import (
    asyncio_clock,
    calendar,
    external_waits,
    file_stamps,
    travel,
)
from pytest_fsfault._intercept.virtual_time.joins import DELETE, JOIN
from pytest_fsfault._intercept.virtual_time.scope import ACTIVE, ClockScope
from pytest_fsfault._intercept.virtual_time.threading_waits import START, WAIT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


def _sleeper() -> Any:
    real = time.sleep

    def sleep(_home: object, *args: Any, **kwargs: Any) -> None:
        scope = ACTIVE.scope
        if scope is not None and len(args) == 1 and not kwargs and scope.governs(_getframe().f_back):
            span = nanoseconds(args[0])
            if span is not None:
                try:
                    scope.clock.pause(span)
                except BaseException as error:
                    hide_frames(error)
                    raise
                return
        real(*args, **kwargs)  # which also refuses what cannot be slept

    return bind("time", real, sleep)


def _reader(name: str) -> Any:
    """Return the wrapper for a clock of `time` and for its form in nanoseconds."""
    real = getattr(time, name)
    origin = name.removesuffix("_ns")

    def read(_home: object) -> float:
        scope = ACTIVE.scope
        if scope is None or scope.virtual is None or not scope.governs(_getframe().f_back):
            return real()  # type: ignore[no-any-return]
        return (scope.epoch[origin] + scope.virtual.reading()) / SECOND

    def read_ns(_home: object) -> int:
        scope = ACTIVE.scope
        if scope is None or scope.virtual is None or not scope.governs(_getframe().f_back):
            return real()  # type: ignore[no-any-return]
        return scope.epoch[origin] + scope.virtual.reading()

    def read_wall(_home: object) -> float:
        scope = ACTIVE.scope
        if scope is None or scope.virtual is None or not scope.governs(_getframe().f_back):
            return real()  # type: ignore[no-any-return]
        return calendar.wall_ns_of(scope, scope.virtual) / SECOND

    def read_wall_ns(_home: object) -> int:
        scope = ACTIVE.scope
        if scope is None or scope.virtual is None or not scope.governs(_getframe().f_back):
            return real()  # type: ignore[no-any-return]
        return calendar.wall_ns_of(scope, scope.virtual)

    plain, exact = (read_wall, read_wall_ns) if origin == "time" else (read, read_ns)
    return bind("time", real, plain if name == origin else exact)


_READERS = ("monotonic", "perf_counter", "time", "monotonic_ns", "perf_counter_ns", "time_ns")
_WRAPPERS = {"sleep": _sleeper(), **{name: _reader(name) for name in _READERS}, **calendar.WRAPPERS}
_TIME = [Patch(time, name, getattr(time, name), wrapper) for name, wrapper in _WRAPPERS.items()]
_MONOTONIC, _MONOTONIC_WRAPPER = time.monotonic, _WRAPPERS["monotonic"]

# With a real clock sleeps and waits are recorded, no more.
_RECORDING = Patches([_TIME[0], WAIT, JOIN])
_ALL = Patches(
    [
        *_TIME,
        WAIT,
        START,
        JOIN,
        DELETE,
        file_stamps.FSTAT,
        *file_stamps.COPY_FILE,
        Patch(threading, "_time", _MONOTONIC, _MONOTONIC_WRAPPER),
    ]
)


# As many references to the wrapper as the patch of `queue` will have: their number stays as it was, else each session
# to come would look which module has one more (`EarlyBound`).
_to_come = [_MONOTONIC_WRAPPER] * 2


def _queue(module: str) -> list[Patch] | None:
    loaded = sys.modules.get(module)
    if loaded is None or external_waits.is_incomplete(loaded):
        return None
    _to_come.clear()
    return [Patch(loaded, "time", _MONOTONIC, _MONOTONIC_WRAPPER)]


_LATE = (external_waits.LATE, asyncio_clock.LATE, LatePatches(("queue",), _queue))

# How many modules there were when it was last looked for new ones.
_loaded = [0]
# Those that were started, the innermost last.
_running: list[VirtualTime] = []


class VirtualTime:
    """Virtual time in force, from `start` to `stop`, except while the gate is shut.

    Who lives by it: the thread that called `start`, and the threads that it and its like start meanwhile.
    Not the modules that `is_exempt` (by their name) says, nor pytest, debuggers, and the modules of the
    standard library that wait on the outside. Afterwards, and while the gate is shut, every wrapper answers
    with real time; waits that are going on then take the rest of their time for real.
    """

    #: For each function of `time` its wrapper, for names that were bound early.
    exchanges: Mapping[Callable[..., Any], Callable[..., Any]] = {
        patch.original: patch.wrapper for patch in (*_TIME, file_stamps.FSTAT)
    }

    def __init__(self, is_exempt: Callable[[str], bool] = lambda _name: False, *, shut: int = 0) -> None:
        self._is_exempt = is_exempt
        self._shut = shut  # how often
        self._scope: ClockScope | None = None

    def start(self, clock: Clock) -> None:
        """Put `clock` in force for this thread; the one before comes back with `stop`.

        The gate is open, unless it has been shut before.
        """
        if self._scope is not None:
            raise RuntimeError("this VirtualTime has been started already")
        self._scope = ClockScope(clock, self._is_exempt)
        me = threading.current_thread()
        self._scope.activity.adopt(me)
        if me is threading.main_thread():
            self._scope.main = threading.get_ident()
        try:
            _running.append(self)
            _install(self._scope)
            _choose_scope()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Take the clock out of force; once the last one is, everything patched is the original again."""
        if self in _running:
            _running.remove(self)
        try:
            _choose_scope()
            if self._scope is not None:
                _follow(self._scope)
        finally:
            if not _running:
                _uninstall()
        self._scope = None  # at last: what was interrupted is done again

    def set_open(self, value: bool) -> None:
        """Give virtual time, or real time to everybody, whatever was before."""
        if value is not (self._shut == 0):
            self._shut = 0 if value else 1
            if value:
                self.refresh()
            _choose_scope()

    def shut(self) -> None:
        """Give everybody real time until `open` has been called as often."""
        self._shut += 1
        _choose_scope()

    def open(self) -> None:
        """Give virtual time again."""
        self._shut = max(0, self._shut - 1)
        self.refresh()
        _choose_scope()

    def refresh(self) -> None:
        """Cover modules that were imported since the start; cheap if there are none."""
        if self in _running and len(sys.modules) != _loaded[0]:
            _install(self._scope)

    def sweep(self) -> None:
        """Put originals back where a mock, undone after the end, has put a wrapper again."""
        if not _running:
            _ALL.uninstall()


def needs_cover(module: str) -> bool:
    """Return whether a module is about to be loaded that has to be covered."""
    if not _running or module not in _AWAITED or module in sys.modules or module in _importing:
        return False
    return (
        module in {"queue", travel.MODULE}
        or module in external_waits.awaited()
        or bool(asyncio_clock.LATE.awaited())
    )


_importing: set[str] = set()  # those that we ourselves are loading
_AWAITED = frozenset({*external_waits.awaited(), asyncio_clock.MODULE, "queue", travel.MODULE})


def cover_on_import(module: str) -> None:
    """Load a module before its importer does, and cover it before a name is taken from it."""
    _importing.add(module)
    try:
        with _original_clocks() if module == travel.MODULE else nullcontext():
            __import__(module)
        if module == travel.MODULE:
            travel.change_later(_original_clocks)
    finally:
        _importing.discard(module)
    for running in _running:
        running.refresh()


@contextmanager
def _original_clocks() -> Iterator[None]:
    there = [(patch, getattr(time, patch.name)) for patch in _TIME]
    for patch, _ in there:
        setattr(time, patch.name, patch.original)
    try:
        yield
    finally:
        for patch, before in there:
            setattr(time, patch.name, before)


def _install(scope: ClockScope | None) -> None:
    if scope is None or scope.virtual is None:
        _RECORDING.install()
        return
    modules = len(sys.modules)
    for late in _LATE:
        late.cover(_ALL.extend)
    travel.change_now()
    _ALL.install()
    _loaded[0] = modules  # at last: what was interrupted is done again


def _uninstall() -> None:
    _ALL.uninstall()
    travel.restore()
    asyncio_clock.leave()


def _choose_scope() -> None:
    """Decide anew which scope is in force, and tell the clocks."""
    shut = False
    for running in _running:
        shut = shut or running._shut > 0
    ACTIVE.put(_running[-1]._scope if _running else None, shut=shut)
    for running in _running:
        if running._scope is not None:
            _follow(running._scope)


def _follow(scope: ClockScope) -> None:
    if scope.virtual is not None:
        there = ACTIVE.scope
        scope.virtual.follow_real_time(there is None or there.virtual is not scope.virtual)


def _forget() -> None:
    """Give a forked child real time: it has a copy of the clock, not the clock."""
    _running.clear()
    ACTIVE.put(None)
    _uninstall()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
