"""The child processes of this process: which are alive, which belong to `multiprocessing`, and how to end them.

Everything is read from ``/proc``, on Windows from a snapshot of the system, elsewhere from psutil. A process that ends or that may not be
read is passed over.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

from pytest_fsfault._core.language.rows import Row
from pytest_fsfault._core.weak import WeakObjects

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from types import FrameType

    from pytest_fsfault._core.engine.interfaces import NativeFunctions

if sys.platform == "linux":
    from time import CLOCK_BOOTTIME, clock_gettime
elif sys.platform == "win32":
    from pytest_fsfault._host.windows_processes import snapshot

_waitid = getattr(os, "waitid", None)
_ALL = getattr(os, "P_ALL", 0)
_AT_ONCE = getattr(os, "WNOHANG", 0)
_LOOK = getattr(os, "WEXITED", 0) | getattr(os, "WNOHANG", 0) | getattr(os, "WNOWAIT", 0)
_LINUX = sys.platform == "linux"
_KILL = 15 if sys.platform == "win32" else 9  # the same everywhere; `signal` takes long to import
_DEATH = 0.5  # real seconds that a killed process has to be gone
_ROUNDS = 20  # of killing what the killed ones have started meanwhile
#: The states of a process that has ended (proc(5)), and of one that is gone.
_ENDED = ("Z", "X", "")
_THREADS, _START = 17, 19  # the places of their number and of its start in what follows the name
_GONE = ("", "", 0, 0)


class _RealFunctions:
    # Taken before anything is intercepted.
    open = staticmethod(os.open)
    read = staticmethod(os.read)
    close = staticmethod(os.close)
    listdir = staticmethod(os.listdir)


REAL: Any = _RealFunctions()


class Process(Row):
    """A process by its number and name."""

    number: int
    name: str

    def __str__(self) -> str:
        return f"process {self.number} ({self.name})"


def has_children() -> bool:
    """Return whether this process has a child that it has not reaped, in about a microsecond."""
    if _waitid is None:
        return True
    try:
        _waitid(_ALL, 0, _LOOK)
    except ChildProcessError:
        return False
    except OSError:
        pass
    return True


def helpers() -> frozenset[int]:
    """Return the process ids of multiprocessing's resource tracker and fork server, and of our own helpers.

    Windows does not have them. What a fork server has started counts.
    """
    return _own_helpers() | {number for number in (_tracker(), _fork_server()) if number is not None}


_own: dict[int, int] = {}  # with their starts


def note_helper(number: int) -> None:
    """Remember a process of ours that goes on by itself: it is a child of this one where orphans come to it."""
    _own[number] = started_at(number)


def _own_helpers() -> frozenset[int]:
    for number, started in tuple(_own.items()):
        _, state, _, now = _status(REAL, str(number))
        if now == started and state not in _ENDED:
            continue
        del _own[number]
        if now == started:  # and not another process by now
            with suppress(OSError):
                os.waitpid(number, _AT_ONCE)
    return frozenset(_own)


def _tracker() -> int | None:
    return _attribute("resource_tracker", "_resource_tracker", "_pid")


def _fork_server() -> int | None:
    return _attribute("forkserver", "_forkserver", "_forkserver_pid")


def _attribute(module: str, instance: str, attribute: str) -> int | None:
    helper = getattr(sys.modules.get(f"multiprocessing.{module}"), instance, None)
    found: int | None = getattr(helper, attribute, None)
    return found


def child_lives(sharing: Collection[int] = ()) -> bool:
    """Return whether a child process is alive that does not share the clock.

    Those of `sharing` share it, but their own children may not. A child that has ended and waits to be reaped is
    not alive. The helpers of `multiprocessing` do not count, but the children of its fork server do.
    Where the system does not tell (macOS), and psutil is missing, a child that was not reaped is taken for alive;
    where it does not even tell that (macOS before Python 3.13), none is seen.
    """
    if sys.platform == "win32":
        return any(snapshot().strangers(os.getpid(), sharing))
    if not has_children():
        return False
    return _linux_child_lives(sharing) if _LINUX else _other_child_lives(sharing)


def _linux_child_lives(sharing: Collection[int]) -> bool:
    tracker, passed_over = _tracker(), {*sharing, _fork_server(), *_own_helpers()}
    waiting = ["self"]
    while waiting:
        children = _children(REAL, waiting.pop())
        if children is None:
            return True  # a kernel that lists no children, or a process that ended just now
        for child in children:
            if child == tracker or _status(REAL, str(child))[1] in _ENDED:
                continue
            if child not in passed_over:
                return True
            waiting.append(str(child))
    return False


def process_of(task: int) -> int:
    """Return the process that a thread belongs to, by the system's numbers; that of the thread if it has gone."""
    found = (read(REAL, f"/proc/{task}/status") or b"").partition(b"\nTgid:")[2].split(None, 1)
    return int(found[0]) if found else task


def _other_child_lives(sharing: Collection[int]) -> bool:
    psutil = _psutil()
    if psutil is None:
        return _waitid is not None
    tracker, passed_over = _tracker(), {*sharing, _fork_server()}
    waiting = psutil.Process().children()
    while waiting:
        child = waiting.pop()
        with suppress(psutil.NoSuchProcess):
            if child.pid == tracker or child.status() == psutil.STATUS_ZOMBIE:
                continue
            if child.pid not in passed_over:
                return True
            waiting += child.children()
    return False


def living() -> frozenset[int]:
    """Return the descendants of this process that are alive, without the helpers of `multiprocessing`.

    Where the system does not list them, none is seen.
    """
    if sys.platform == "win32":
        return frozenset(process.number for process in snapshot().descendants(os.getpid()))
    if not has_children():
        return frozenset()
    if _LINUX:
        return frozenset(process.number for process in descendants())
    return frozenset(child.pid for child in psutil_descendants())


def descendants(system: NativeFunctions = REAL) -> list[Process]:
    """Return the living descendants of this process as ``/proc`` lists them, without multiprocessing's helpers."""
    passed_over = helpers()
    children = _children(system, "self")
    parents = _parents(system) if children is None else None
    waiting = list(parents.get(os.getpid(), ()) if parents is not None else children or ())
    found = []
    while waiting:
        number = waiting.pop(0)
        name, state, _, _ = _status(system, str(number))
        if state not in _ENDED:
            below = parents.get(number) if parents is not None else _children(system, str(number))
            waiting += below or ()
            if number not in passed_over:
                found.append(Process(number, name))
    return found


def psutil_descendants() -> Iterator[Any]:
    """Yield the living descendants as psutil's processes; none where it is not installed."""
    psutil = _psutil()
    if psutil is None:
        return
    passed_over = helpers()
    with suppress(psutil.Error, OSError):
        for child in psutil.Process().children(recursive=True):
            with suppress(psutil.Error, OSError):
                if child.pid not in passed_over and child.status() != psutil.STATUS_ZOMBIE:
                    yield child


def _psutil() -> Any:
    try:
        import psutil  # type: ignore[import-untyped]  # noqa: PLC0415  # an extra, slow to import
    except ImportError:
        return None
    return psutil


def kill(spared: Collection[int] = (), *, mark: str = "", since: float = 0.0) -> None:
    """Kill the descendants of this process but those `spared`, as in a power failure.

    On Linux also those whose parent has ended, if `mark` (``"NAME=value"``) is in their environment and they
    started not before `since`, as `uptime` tells it. What a killed process has started meanwhile is killed as
    well. The `Popen` objects of killed children are polled, so that these are reaped.
    """
    killed: set[int] = set()
    for _ in range(_ROUNDS):
        found = (living() | marked(mark, since)) - killed - frozenset(spared)
        if not found:
            break
        for process in found:
            with suppress(OSError):
                os.kill(process, _KILL)
        killed |= found
    if killed:
        _reap(killed)


def uptime() -> float:
    """Return the seconds since the system has started, by which it dates the start of processes; 0 if unknown."""
    if sys.platform == "linux":
        return clock_gettime(CLOCK_BOOTTIME)
    return 0.0


def marked(mark: str, since: float) -> frozenset[int]:
    """Return the living processes on Linux with ``"NAME=value"`` in their environment that started not before `since`."""
    if not mark or sys.platform != "linux":
        return frozenset()
    entry, first = os.fsencode(mark), int(since * os.sysconf("SC_CLK_TCK"))
    return frozenset(
        int(name)
        for name in listing(REAL, "/proc")
        if name.isdigit()
        and int(name) != os.getpid()
        and entry in (read(REAL, f"/proc/{name}/environ") or b"").split(b"\0")
        and started_at(int(name)) >= max(first, 1)
    )


def started_at(process: int) -> int:
    """Return when a process has started, in clock ticks since the system has; 0 if none lives there."""
    _, state, _, started = _status(REAL, str(process))
    return 0 if state in _ENDED else started


_popens: WeakObjects[Any] = WeakObjects()


def note_start(frame: FrameType | None) -> None:
    """Remember the `subprocess.Popen` object that starts a process: `frame` is where its audit event is raised."""
    made = None if frame is None else frame.f_locals.get("self")
    module = sys.modules.get("subprocess")
    if module is not None and isinstance(made, module.Popen):
        _popens.add(made)


def _reap(killed: Collection[int]) -> None:
    for found in _popens.alive():
        if found.pid in killed:
            until = monotonic() + _DEATH
            while found.poll() is None and monotonic() < until:
                sleep(0.001)


# What /proc tells.


def _children(system: NativeFunctions, process: str) -> list[int] | None:
    """Return the children of a process, or None if the kernel does not list them (proc(5))."""
    tasks = f"/proc/{process}/task"
    lists = [read(system, f"{tasks}/{task}/children") for task in listing(system, tasks)]
    if all(one is None for one in lists):
        return None
    return [int(child) for one in lists for child in (one or b"").split()]


def may_have_children(process: int) -> bool:
    """Return whether a process has children, or that is not known."""
    found = _children(REAL, str(process))
    return found is None or bool(found)


def _parents(system: NativeFunctions) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for name in listing(system, "/proc"):
        _, state, parent, _ = _status(system, name) if name.isdigit() else _GONE
        if state:
            found.setdefault(parent, []).append(int(name))
    return found


def _status(system: NativeFunctions, process: str) -> tuple[str, str, int, int]:
    """Return name, state, parent and start of a process, as `started_at` tells it; no state if it is gone (proc(5))."""
    head, _, tail = (read(system, f"/proc/{process}/stat") or b"").rpartition(b") ")
    fields = tail.split() or [b"", b"0"]
    name, started = os.fsdecode(head.partition(b"(")[2]), next(iter(fields[_START:]), 0)
    state = fields[0].decode()
    if state in _ENDED and int(next(iter(fields[_THREADS:]), 0)) > 1:
        state = "S"  # it is that of the first thread, which has ended before others
    return name, state, int(fields[1]), int(started)


def listing(system: NativeFunctions, directory: str) -> list[str]:
    """Return the names in a directory of ``/proc``, none if it is not readable."""
    try:
        return list(system.listdir(directory))
    except OSError:
        return []


def read(system: NativeFunctions, path: str) -> bytes | None:
    """Return what a file of ``/proc`` says, which comes in pages; None if it is not readable."""
    try:
        descriptor = system.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    except OSError:
        return None
    try:
        return b"".join(iter(lambda: system.read(descriptor, 65_536), b""))
    except OSError:
        return None
    finally:
        system.close(descriptor)
