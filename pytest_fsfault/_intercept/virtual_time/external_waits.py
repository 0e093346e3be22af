"""Let waits on the outside (processes, selectors, sockets) take real time, and move the clock.

The modules are not imported for it: those that are loaded are covered. Of one that is imported later, before
`VirtualTime.refresh`, the waits take real time but do not move the clock; that a child process lives, the
clock sees in any case.
"""

from __future__ import annotations

import os
from _thread import get_ident
from functools import partial, wraps
from operator import attrgetter
from sys import _getframe
from typing import TYPE_CHECKING, Any

from pytest_fsfault._core.clock import nanoseconds
from pytest_fsfault._core.language.rows import Row
from pytest_fsfault._intercept.patching.late import LatePatches, loaded
from pytest_fsfault._intercept.patching.patches import MISSING, Patch, bind
from pytest_fsfault._intercept.patching.tracebacks import hide_frames
from pytest_fsfault._intercept.virtual_time import asyncio_clock, asyncio_waits
from pytest_fsfault._intercept.virtual_time.pollers import begun_by_poller
from pytest_fsfault._intercept.virtual_time.process_timeouts import PROCESSES, Timed, by_clock, looking
from pytest_fsfault._intercept.virtual_time.scope import ACTIVE, EXEMPT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType, ModuleType

    Instant = Callable[[tuple[Any, ...], dict[str, Any]], bool]


_WNOHANG = getattr(os, "WNOHANG", 0)  # Windows has none


def _no_time(position: int, default: float | None = None) -> Instant:
    """Return a test whether the argument `timeout` leaves no time, so that the call does not wait."""

    def test(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
        timeout = args[position] if len(args) > position else kwargs.get("timeout", default)
        return isinstance(timeout, (int, float)) and timeout <= 0

    return test


def _no_hang(position: int) -> Instant:
    """Return a test whether the argument `options` has WNOHANG."""

    def test(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
        options = args[position] if len(args) > position else kwargs.get("options", 0)
        return isinstance(options, int) and bool(options & _WNOHANG)

    return test


def _non_blocking(args: tuple[Any, ...], _kwargs: dict[str, Any]) -> bool:
    return bool(args) and getattr(args[0], "timeout", None) == 0


def _never(_args: tuple[Any, ...], _kwargs: dict[str, Any]) -> bool:
    return False


class _Row(Row):
    module: str
    owner: str  # a class, or nothing for the module itself
    names: str
    instant: Instant
    timed: Timed | None = None  # how to wait for child processes whose time is virtual


# What only fills a buffer, such as `socket.send`, is no wait. In `selectors` every class with a method
# `select` of its own is meant.
_TABLE = (
    _Row("os", "", "wait", _never),
    _Row("os", "", "waitpid wait4", _no_hang(1)),
    _Row("os", "", "wait3", _no_hang(0)),
    _Row("os", "", "waitid", _no_hang(2)),
    _Row("select", "", "select", _no_time(3)),
    _Row("selectors", "*", "select", _no_time(1)),
    _Row("asyncio.windows_events", "IocpProactor", "select", _no_time(1)),
    _Row("subprocess", "Popen", "wait", _no_time(1), PROCESSES[0]),
    _Row("subprocess", "Popen", "communicate", _no_time(2), PROCESSES[1]),
    _Row("multiprocessing.popen_spawn_win32", "Popen", "wait", _no_time(1), PROCESSES[2]),
    _Row("multiprocessing.connection", "", "wait", _no_time(1), Timed(("object_list", "timeout"))),
    _Row(
        "multiprocessing.connection", "_ConnectionBase", "poll", _no_time(1, 0.0), Timed(("self", "timeout"))
    ),
    _Row("multiprocessing.connection", "_ConnectionBase", "recv recv_bytes recv_bytes_into", _never),
    _Row(
        "socket",
        "socket",
        "accept connect connect_ex recv recv_into recvfrom recvfrom_into recvmsg recvmsg_into sendall",
        _non_blocking,
    ),
)


def _wrap(real: Any, row: _Row, *, selects: bool = False) -> Callable[..., Any]:
    """Return a function of the caller's frame and arguments that calls `real`, and accounts for the time."""

    # Hot: stands before each wait for a selector or a process, and decides by whose time it waits.
    def call(frame: FrameType | None, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        scope = ACTIVE.scope
        if scope is None or scope.virtual is None or not scope.activity.belongs(get_ident()):
            return real(*args, **kwargs)
        asyncio = (
            selects and frame is not None and str(frame.f_globals.get("__name__")).startswith("asyncio.")
        )
        if asyncio and (loop := asyncio_waits.loop_of(scope, args[0])) is not None:
            return asyncio_waits.select(scope.virtual, loop, partial(real, args[0]), *args[1:], **kwargs)
        if row.instant(args, kwargs) or get_ident() in looking or scope.kind_of(frame) == EXEMPT:
            return real(*args, **kwargs)
        if row.timed is not None and getattr(scope.activity, "children", None) is not None:
            return by_clock(scope.virtual, real, row.timed, args, kwargs)
        if selects and begun_by_poller(frame):
            return scope.virtual.idle_outside(partial(real, *args, **kwargs))
        limit = None
        if asyncio:
            # The next timer of a loop with real time: a jump beyond it would rob the loop of its time.
            limit = nanoseconds(args[1] if len(args) > 1 else kwargs.get("timeout"))
        return scope.virtual.outside(partial(real, *args, **kwargs), limit)

    return call


def _function(row: _Row, real: Any) -> Any:
    wrapped = _wrap(real, row)

    def function(_home: object, *args: Any, **kwargs: Any) -> Any:
        try:
            return wrapped(_getframe().f_back, args, kwargs)
        except BaseException as error:
            hide_frames(error)
            raise

    return bind(row.module, real, function)


def _method(row: _Row, real: Any, *, selects: bool) -> Any:
    wrapped = _wrap(real, row, selects=selects)

    @wraps(real)
    def method(*args: Any, **kwargs: Any) -> Any:
        try:
            return wrapped(_getframe().f_back, args, kwargs)
        except BaseException as error:
            hide_frames(error)
            raise

    return method


def _patches(row: _Row, module: ModuleType) -> Iterator[Patch]:
    for name in row.names.split():
        if not row.owner and (real := getattr(module, name, None)):
            yield Patch(module, name, real, _function(row, real))
        for owner in _classes(row, module):
            if real := getattr(owner, name, None):
                wrapper = _method(row, real, selects=name == "select")
                if name == "select":
                    asyncio_clock.patched_selects.add(wrapper)
                yield Patch(owner, name, vars(owner).get(name, MISSING), wrapper)


def _classes(row: _Row, module: ModuleType) -> list[type]:
    if row.owner != "*":
        return [getattr(module, row.owner)] if row.owner else []
    found = [value for value in vars(module).values() if isinstance(value, type)]
    return [cls for cls in dict.fromkeys(found) if "select" in vars(cls) and not cls.__abstractmethods__]  # type: ignore[attr-defined]


def is_incomplete(module: ModuleType) -> bool:
    """Return whether a module is being imported just now."""
    return bool(getattr(getattr(module, "__spec__", None), "_initializing", False))


def awaited() -> frozenset[str]:
    """Return the modules that were not loaded so far."""
    return frozenset(row.module for row in LATE.awaited())


def _make(row: _Row) -> list[Patch] | None:
    module = loaded(row.module)
    if module is None or is_incomplete(module):
        return None
    try:
        return list(_patches(row, module))
    except AttributeError:
        return None  # it is being imported just now


#: The patches of this room, each once its module is loaded.
LATE = LatePatches(_TABLE, _make, attrgetter("module"))
