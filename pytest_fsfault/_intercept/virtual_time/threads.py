"""Look at the threads of this process: which of them belong to the test, and which of them do something."""

from __future__ import annotations

import sys
import threading
from _thread import get_ident
from time import monotonic_ns, process_time_ns, thread_time_ns
from time import sleep as real_sleep
from typing import TYPE_CHECKING, ClassVar

from pytest_fsfault._core.activity import LimitedWait
from pytest_fsfault._host.processes import child_lives
from pytest_fsfault._intercept.virtual_time.alarms import Alarm
from pytest_fsfault._intercept.virtual_time.idle import LastSign, can_run
from pytest_fsfault._intercept.virtual_time.limits import time_left
from pytest_fsfault._intercept.virtual_time.pollers import is_idle_poller, waits_for_work
from pytest_fsfault._intercept.virtual_time.travel import wall_ns

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from threading import Thread

    from pytest_fsfault._core.activity import ChildrenOnClock

_LINUX = sys.platform == "linux"
_COARSE = 5  # CLOCK_REALTIME_COARSE, <linux/time.h>
_LONGEST_STEP = 50_000_000  # nanoseconds; the steps of the system's are 1 to 10 ms


class ThreadActivity:
    """The threads of the test in this process, and its children."""

    monotonic_ns = staticmethod(monotonic_ns)
    #: The child processes that share the clock, of all clocks of this process.
    children: ClassVar[ChildrenOnClock | None] = None

    def __init__(self) -> None:
        self._threads: dict[Thread, None] = {}
        self._beside: dict[Thread, None] = {}  # those with real time
        self._marks: dict[Thread, LastSign] = {}
        self._last_look = (0, 0, 0)
        self._waited: dict[int, int] = {}  # CPU time of threads that waited at the last look, by identifier
        self._alarm = Alarm()

    def stamp_ns(self) -> int:
        """Return the time that the system stamps a file with which is written now, in nanoseconds."""
        if sys.platform == "linux":
            return clock_gettime_ns(_COARSE)
        if sys.platform == "win32":
            from pytest_fsfault._host.windows_api import system_time_ns  # noqa: PLC0415  # slow to load elsewhere

            return system_time_ns()
        return wall_ns()

    def next_stamp_ns(self, stamp: int) -> int:
        """Wait until that is later than `stamp`, and than the present, a few milliseconds, and return it."""
        until = monotonic_ns() + _LONGEST_STEP
        # From Linux 6.13 on a file may be stamped finely; a step that the system takes late ends before such a stamp.
        stamp = max(stamp, wall_ns())
        while (following := self.stamp_ns()) <= stamp and monotonic_ns() < until:
            real_sleep(0.0002)
        return following

    def adopt(self, thread: Thread, *, real: bool = False) -> None:
        """Count `thread` to the test; it may still have to be started.

        With `real` it lives by real time: what it does is not jumped over, but it does not belong to the test.
        """
        (self._beside if real else self._threads)[thread] = None

    def disown(self, thread: Thread) -> None:
        """Count `thread` to the test no longer."""
        self._threads.pop(thread, None)
        self._beside.pop(thread, None)
        self._marks.pop(thread, None)

    def belongs(self, ident: int) -> bool:
        """Return whether this running thread counts to the test."""
        # Not a set of identifiers: the system gives those of ended threads to new ones.
        return threading._active.get(ident) in self._threads  # type: ignore[attr-defined]

    def child_lives(self) -> bool:
        """Return whether a child process is alive that does not share the clock."""
        return child_lives(frozenset() if self.children is None else self.children.numbers)

    def at_work(self, waiting: Collection[int], since: int) -> bool:
        """Return whether a thread of the test that is none of `waiting` does something.

        All are looked at each time, so that their quiet counts from the same instant.
        """
        now = monotonic_ns()
        if not _LINUX and self._others_run(now, waiting):
            self._marks.clear()
            return True
        working = [self._works(thread, waiting, now, since) for thread in (*self._threads, *self._beside)]
        busy = self.children is not None and self.children.at_work(now)
        return busy or any(working)

    def limits(self, waiting: Collection[int]) -> Iterator[LimitedWait]:
        """Yield the limited waits of threads that are none of `waiting`, of the children's, and for an alarm."""
        yield from self._alarm.limits()
        if _LINUX:
            yield from self._limits_of_threads(waiting)

    def _limits_of_threads(self, waiting: Collection[int]) -> Iterator[LimitedWait]:
        for thread, mark in tuple(self._marks.items()):
            if thread.ident in waiting or not (thread in self._threads or thread in self._beside):
                continue
            left = time_left("self", thread.native_id or 0, mark.since)
            if left is not None and not is_idle_poller(thread.ident):
                yield LimitedWait((thread, mark.sign), left, f"thread {thread.name!r}")
        if self.children is not None:
            yield from self.children.limits(monotonic_ns())

    def _others_run(self, now: int, waiting: Collection[int]) -> bool:
        """Return whether others than this thread have used the CPU since its last look, for a tenth of the time.

        For systems that do not say it of each thread: any running thread may belong to the test. What waiting threads use
        does not count: who waits for a process looks at it again and again.
        """
        me, (looker, then, before), known = get_ident(), self._last_look, self._waited
        cpu = process_time_ns() - thread_time_ns()
        self._waited = {one: used for one in waiting if one != me and (used := _cpu_time_of(one)) is not None}
        for one in self._waited.keys() & known.keys():
            before += self._waited[one] - known[one]
        # The system counts in ticks, which the process may show later than the thread: what is used counts once.
        self._last_look = (me, now, max(cpu, before) if looker == me else cpu)
        return looker != me or (cpu - before) * 10 > now - then

    def _works(self, thread: Thread, waiting: Collection[int], now: int, since: int) -> bool:
        if not thread._started.is_set():  # type: ignore[attr-defined]
            return True  # it is being started
        if thread.ident in waiting:
            return False
        if not thread.is_alive():
            self.disown(thread)
            return False
        return self._stirs(thread, now, since)

    def _stirs(self, thread: Thread, now: int, since: int) -> bool:
        sign = _sign(thread)
        mark = self._marks.get(thread)
        # Only where the system tells who is about to run, stillness from before this wait counts.
        if mark is None or mark.sign != sign or (not _LINUX and mark.since < since):
            self._marks[thread] = LastSign(sign, now)
            return True
        if not mark.lasts(now):
            return True
        if waits_for_work(thread.ident):
            return True
        # In this order: who could not run then, and has not run until now, has not run in between.
        return _LINUX and (can_run(f"/proc/self/task/{thread.native_id}/stat") or _sign(thread) != sign)


def _cpu_time(thread: Thread) -> int | None:
    """Return the CPU time of a thread; unlike pthread_getcpuclockid this is safe if it has just ended."""
    if sys.platform == "linux":
        native = thread.native_id or 0
        try:
            # include/linux/posix-timers.h: ~tid << 3 | CPUCLOCK_PERTHREAD_MASK | CPUCLOCK_SCHED
            return clock_gettime_ns((~native << 3) | 6)
        except OSError:
            pass
    return None


def _cpu_time_of(ident: int) -> int | None:
    """Return the CPU time of a running thread of this process by its identifier, None where the system does not tell."""
    if sys.platform == "win32":
        from pytest_fsfault._host.windows_api import thread_time_ns as time_of  # noqa: PLC0415  # slow to load elsewhere

        return time_of(ident)
    thread = vars(threading)["_active"].get(ident)
    return None if thread is None else _cpu_time(thread)


def _place(thread: Thread) -> object:
    """Return where a thread stands in its code, the next best sign of life."""
    frame = sys._current_frames().get(thread.ident or 0)
    return frame and (id(frame), frame.f_lasti)


_sign: Callable[[Thread], object]
if sys.platform == "linux":
    from time import clock_gettime_ns

    _sign = _cpu_time
else:
    _sign = _place
