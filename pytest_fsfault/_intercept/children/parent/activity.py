"""Tell from /proc, or a snapshot of Windows, whether a child process is busy or all of its threads wait.

Only these two show that of another process. Elsewhere waits take real time while a child process lives.
"""

from __future__ import annotations

import sys
from os import listdir
from typing import TYPE_CHECKING

from pytest_fsfault._core.activity import LimitedWait
from pytest_fsfault._host.windows_processes import snapshot
from pytest_fsfault._intercept.virtual_time.idle import LastSign, can_run
from pytest_fsfault._intercept.virtual_time.limits import run_time, time_left

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from pytest_fsfault._host.windows_processes import ThreadState

if sys.platform == "linux":
    from time import clock_gettime_ns

# Wine tells of a thread neither its state nor how often it was given the CPU, only its CPU time in ticks: a process
# that waits for a CPU on a machine under load, of which it gets a tenth, has used none for so many nanoseconds.
_UNTOLD = 250_000_000

#: Whether child processes can share the virtual clock here.
VISIBLE = sys.platform in {"linux", "win32"}


class ChildActivity:
    """The connected child processes, by their process ids."""

    def __init__(
        self,
        waiting: Callable[[int], Collection[int]],
        idle: Callable[[int], Collection[int]],
        asked: Callable[[], bool],
        answered: Callable[[], int] = lambda: 0,
    ) -> None:
        self._marks: dict[int, LastSign] = {}
        self._waiting = waiting  # the threads of a process that wait for the clock, by the system's numbers
        self._idle = idle  # those that only look every now and then whether they are to end
        self._asked = asked  # whether a question is unanswered
        self._answered = answered  # how often some were answered so far
        self._seen: dict[
            int, tuple[bytes, int]
        ] = {}  # CPU time of threads, and since when it has been the same
        self.numbers: frozenset[int] = frozenset()

    def meet(self, numbers: Collection[int]) -> None:
        """Set which processes are connected now."""
        self.numbers = frozenset(numbers)
        for gone in self._marks.keys() - self.numbers:
            del self._marks[gone]

    def at_work(self, now: int) -> bool:
        """Return whether one of them is busy; each is sampled every time, so that its idle time is known."""
        if not self.numbers:
            return False
        # Who waited for an answer when it was looked at may have had it since, and works.
        before = self._answered()
        working = [self._is_busy(number, now) for number in self.numbers]
        return any(working) or self._asked() or self._answered() != before

    def limits(self, now: int) -> Iterator[LimitedWait]:
        """Yield the limited waits of their threads, where the system lets a parent see them."""
        if sys.platform == "win32":
            return
        seen, self._seen = self._seen, {}
        for process in tuple(self.numbers):
            idle = self._idle(process)
            for task in self._threads(process)[1]:
                if task in idle:
                    continue
                # Of its own: what other threads of the process do makes no new wait of this one.
                sign = run_time(process, task)
                before, since = seen.get(task, (b"", now))
                since = since if sign and sign == before else now
                self._seen[task] = sign, since
                if (left := time_left(process, task, since)) is not None:
                    yield LimitedWait((process, task, sign), left, f"child process {process}")

    def _is_busy(self, process: int, now: int) -> bool:
        if sys.platform == "win32":
            return self._is_busy_on_windows(process, now)
        waiting, others = self._threads(process)
        if _can_run(process, waiting):
            return True  # woken by something else, such as a signal
        if not others:
            return False
        sign = _cpu_time(process)
        mark = self._marks.get(process)
        if mark is None or mark.sign != sign:
            self._marks[process] = LastSign(sign, now)
            return True
        if not mark.lasts(now):
            return True
        # In this order: who could not run then, and has not run until now, has not run in between.
        return _can_run(process, others) or _cpu_time(process) != sign

    def _is_busy_on_windows(self, process: int, now: int) -> bool:
        """Tell from a snapshot: by CPU time, switches and states, since CPU time alone comes in ticks of 10 to 16 ms."""
        known = self._waiting(process)
        threads = snapshot().threads(process)
        waiting = [thread for thread in threads if thread.number in known]
        others = tuple(thread for thread in threads if thread.number not in known)
        if any(thread.can_run for thread in waiting):
            return True
        if not others:
            return False
        # In this order: each look has to sample the signs.
        return self._has_moved(process, others, now) or any(thread.can_run for thread in others)

    def _has_moved(self, process: int, threads: tuple[ThreadState, ...], now: int) -> bool:
        """Return whether a sign of life has changed, or has not been the same for long enough."""
        mark = self._marks.get(process)
        if mark is None or mark.sign != threads:
            self._marks[process] = LastSign(threads, now)
            return True
        return not mark.lasts(now, 0 if any(thread.switches for thread in threads) else _UNTOLD)

    def _threads(self, process: int) -> tuple[list[int], list[int]]:
        """Return the threads that wait for the clock, and the others; none if the process has just ended."""
        tasks = f"/proc/{process}/task"
        known = self._waiting(process)
        found: tuple[list[int], list[int]] = [], []
        try:
            for task in listdir(tasks):
                found[int(task) not in known].append(int(task))
        except OSError:
            return [], []
        return found


def _can_run(process: int, tasks: Collection[int]) -> bool:
    return any(can_run(f"/proc/{process}/task/{task}/stat") for task in tasks)


def _cpu_time(process: int) -> int | None:
    """Return the CPU time of all threads of a process, in nanoseconds."""
    if sys.platform == "linux":
        try:
            # include/linux/posix-timers.h: ~pid << 3 | CPUCLOCK_SCHED
            return clock_gettime_ns((~process << 3) | 2)
        except OSError:
            pass
    return None
