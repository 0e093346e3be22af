"""The processes of Windows and their threads, from one snapshot of the system.

https://learn.microsoft.com/windows/win32/api/winternl/nf-winternl-ntquerysysteminformation (SystemProcessInformation);
the fields of a thread are those of SYSTEM_THREAD_INFORMATION there. Measured: 0.7 to 1.6 ms.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from pytest_fsfault._core.language.rows import Row
from pytest_fsfault._host.launchers import is_launcher

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

#: What the system starts as the child of a console program, to show its window: no child of anybody's making, which
#: a crash must not kill, for the program would go with it. https://learn.microsoft.com/windows/console/definitions
_CONSOLES = frozenset({"conhost.exe", "openconsole.exe"})
#: The states of a thread that runs or could: ready, running, standby, deferred ready (KTHREAD_STATE).
_RUNNABLE = frozenset({1, 2, 3, 7})


class ThreadState(Row):
    """A thread: its number, its CPU time in units of 100 ns, how often it was given the CPU, and its state.

    Wine leaves the last two at 0.
    """

    number: int
    cpu_time: int
    switches: int
    state: int

    @property
    def can_run(self) -> bool:
        """Whether it runs, or could."""
        return self.state in _RUNNABLE


class ProcessState(Row):
    """A process: its number, its parent's, when it started in units of 100 ns, its program, and its threads.

    The threads are read when asked for: a system has thousands.
    """

    number: int
    parent: int
    started: int
    name: str
    thread_count: int
    threads: Callable[[], Sequence[tuple[int, int, int, int]]]


class Snapshot:
    """All living processes at one moment."""

    def __init__(self, processes: Collection[ProcessState]) -> None:
        # One that has ended stays listed while there is a handle of it, without a thread.
        self._processes = {process.number: process for process in processes if process.thread_count}
        self._children: dict[int, list[ProcessState]] = {}
        for process in self._processes.values():
            above = self._processes.get(process.parent)
            # The number of a parent that has ended may be a younger process's by now.
            real = above is not None and above.started <= process.started
            if real and process.name.lower() not in _CONSOLES:
                self._children.setdefault(process.parent, []).append(process)

    def threads(self, number: int) -> tuple[ThreadState, ...]:
        """Return the threads of a process, none of one that has ended."""
        process = self._processes.get(number)
        return () if process is None else tuple(ThreadState(*thread) for thread in process.threads())

    def descendants(self, number: int) -> Iterator[ProcessState]:
        """Yield the living descendants of a process; the children of one that has ended are not among them."""
        waiting = [number]
        while waiting:
            for child in self._children.get(waiting.pop(), ()):
                yield child
                waiting.append(child.number)

    def strangers(
        self,
        number: int,
        known: Collection[int],
        is_launcher: Callable[[int, int, str], bool] = is_launcher,
    ) -> Iterator[ProcessState]:
        """Yield the descendants that are not `known`, without those that merely wait for one of these to end."""

        def waits_for_known(process: ProcessState) -> bool:
            below = self._children.get(process.number, ())
            return any(child.number in known or waits_for_known(child) for child in below) and is_launcher(
                process.number, process.started, process.name
            )

        for process in self.descendants(number):
            if process.number not in known and not waits_for_known(process):
                yield process


def snapshot() -> Snapshot:
    """Take a snapshot of this system."""
    if sys.platform == "win32":
        from pytest_fsfault._host.windows_api import processes  # noqa: PLC0415

        return Snapshot([ProcessState(*one) for one in processes()])
    raise NotImplementedError("this is of Windows alone")
