"""Decide for a caller: virtual time, patient virtual time, real time, or exempt."""

from __future__ import annotations

from _thread import get_ident
from time import monotonic_ns, perf_counter_ns
from typing import TYPE_CHECKING, Any

from pytest_fsfault._core.clock import VirtualClock
from pytest_fsfault._host.package import HANDED_ON, MACHINERY
from pytest_fsfault._host.paths import IGNORES_CASE
from pytest_fsfault._intercept.virtual_time.threads import ThreadActivity
from pytest_fsfault._intercept.virtual_time.travel import wall_ns

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from pytest_fsfault._core.clock import Clock

# VIRTUAL time is for the code under test. PATIENT callers read virtual time and sleep by it, but their timed
# waits take real time, because a result from outside the clock is expected. REAL callers read real time and
# wait for real. EXEMPT ones are not under test: the clock is not told of what they do.
VIRTUAL, PATIENT, REAL, EXEMPT = range(4)
# Modules that only pass on what their caller wants; and those that do both.
_THROUGH, _POOL = -1, -2

_KINDS = {
    _THROUGH: " ".join(("threading queue pytest_fsfault._intercept.bootstrap.dormant", *HANDED_ON)),
    _POOL: "multiprocessing.pool multiprocessing.process asyncio.events",
    PATIENT: "concurrent.futures",
    REAL: "asyncio selectors subprocess multiprocessing trio curio twisted tornado gevent eventlet uvloop",
    EXEMPT: " ".join(("pytest_fsfault", *MACHINERY)),
}
_KNOWN = {name: kind for kind, names in _KINDS.items() for name in names.split()}
# Functions of theirs that call what they were handed.
_CALL_ON = frozenset({"worker", "mapstar", "starmapstar", "_run", "run"})

#: Modules of which most functions look at no stamp of a file.
OF_PATHS = ("genericpath", "posixpath", "ntpath", "shutil")


class ClockScope:
    """One clock in force, where its time begins, and who is exempt from it."""

    __slots__ = (
        "_is_exempt",
        "_kinds",
        "activity",
        "clock",
        "epoch",
        "living",
        "main",
        "seen",
        "virtual",
    )

    def __init__(self, clock: Clock, is_exempt: Callable[[str], bool]) -> None:
        self.clock = clock
        self.virtual = clock if isinstance(clock, VirtualClock) else None
        self.activity = clock.activity if isinstance(clock, VirtualClock) else ThreadActivity()
        self.epoch = clock.epoch = clock.epoch or _epoch(clock.now_ns())
        if self.virtual is not None:
            self.virtual.stamp_from_now()
        self._is_exempt = is_exempt
        self._kinds: dict[object, int] = {}
        #: Of `_kinds` the modules whose code lives by the clock.
        self.living: set[str] = set()
        #: The main thread if it belongs to the test, else -1; no other thread is ever given its number.
        self.main = -1
        #: By path, or by inode where there is none: the latest real status, its stamps, what else it does not compare by,
        #: and what is shown for it.
        self.seen: dict[str | int, tuple[Any, ...]] = {}

    def kind_of(self, frame: FrameType | None) -> int:
        """Return which of the four the code of `frame` is."""
        while frame is not None:
            name = frame.f_globals.get("__name__")
            kind = self._kinds.get(name) if isinstance(name, str) else VIRTUAL
            if kind is None:
                kind = self._kinds[name] = self._judge(str(name))
                # In a child it depends on the function of these whether the parent is asked.
                if VIRTUAL <= kind <= PATIENT and (self.clock.looks_for_changes or name not in OF_PATHS):
                    self.living.add(str(name))
            if kind >= 0:
                return kind
            if kind == _POOL:
                return VIRTUAL if frame.f_code.co_name in _CALL_ON else REAL
            frame = frame.f_back
        return VIRTUAL

    def governs(self, frame: FrameType | None) -> bool:
        """Return whether the caller, in this thread, sleeps by the clock in force and reads it.

        There is none where the function is what a thread was started with.
        """
        # Most callers are known, and need no further call.
        name = None if frame is None else frame.f_globals.get("__name__")
        kind = self._kinds.get(name, _THROUGH) if type(name) is str else VIRTUAL
        if kind < 0:
            kind = self.kind_of(frame)
        return kind <= PATIENT and self.activity.belongs(get_ident())

    def _judge(self, name: str) -> int:
        package = name
        while package:
            if package in _KNOWN:
                return _KNOWN[package]
            package = package.rpartition(".")[0]
        return EXEMPT if self._is_exempt(name) else VIRTUAL


NEVER = 1 << 63


class ActiveScope:
    """What every wrapper looks at first: the scope in force, if any."""

    __slots__ = ("behind", "scope", "stamps_from")

    def __init__(self) -> None:
        self.scope: ClockScope | None = None
        #: The same scope, also while it is not in force, since the gate is shut.
        self.behind: ClockScope | None = None
        #: From which real instant on stamps of files are shown in virtual time.
        self.stamps_from = NEVER

    def put(self, scope: ClockScope | None, *, shut: bool = False) -> None:
        """Put another scope in force, or behind a gate that is shut."""
        self.behind = scope
        if shut or scope is None:
            self.stamps_from, self.scope = NEVER, None
            return
        history = None if scope.virtual is None else scope.virtual.stamp_history()
        quick = NEVER if history is None else history.start
        # On Windows `st_ctime` is the time of creation, so that it does not tell a file that was written since: all are
        # looked at. https://learn.microsoft.com/windows/win32/sysinfo/file-times
        self.stamps_from = 0 if IGNORES_CASE and history is not None else quick
        self.scope = scope


ACTIVE = ActiveScope()


def _epoch(elapsed: int) -> dict[str, int]:
    """Return what the real clocks show now, less what has `elapsed` on ours."""
    return {
        "monotonic": monotonic_ns() - elapsed,
        "perf_counter": perf_counter_ns() - elapsed,
        "time": wall_ns() - elapsed,
    }
