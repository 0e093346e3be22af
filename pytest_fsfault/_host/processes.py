"""The child processes of this process: which are alive, and how to end them."""

from __future__ import annotations

import gc
import os
import signal
import sys
from contextlib import suppress
from os import close, listdir, read
from os import open as open_descriptor
from time import monotonic, sleep
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

_waitid = getattr(os, "waitid", None)
_DEATH = 0.5  # real seconds that a killed process has to be gone


def child_lives(sharing: Collection[int] = ()) -> bool:
    """Return whether a child process is alive that does not share the clock.

    Those of `sharing` share it, but their own children may not. A child that has ended and waits to be reaped is
    not alive. The helpers of `multiprocessing` do not count: its resource tracker, and its fork server, whose
    own children count instead.
    Where the system does not tell, and psutil is missing, a child that was not reaped is taken for alive;
    where it does not even tell that (Windows; macOS before Python 3.13), none is seen.
    """
    if not _may_have_children():
        return False
    return _linux_child_lives(sharing) if sys.platform == "linux" else _other_child_lives(sharing)


def living() -> frozenset[int]:
    """Return the child processes of this one that are alive, without the helpers of `multiprocessing`.

    Where the system does not list them, none is seen.
    """
    if not _may_have_children():
        return frozenset()
    helpers = {number for number in _helpers() if number is not None}
    try:
        found = _children("self") if sys.platform == "linux" else _psutil_children()
    except OSError:
        return frozenset()
    return frozenset(child for child in found if child not in helpers and _may_be_alive(child))


def _psutil_children() -> list[int]:
    try:
        import psutil  # type: ignore[import-untyped]  # noqa: PLC0415  # an extra, slow to import
    except ImportError:
        return []
    return [child.pid for child in psutil.Process().children()]


def _may_be_alive(process: int) -> bool:
    return sys.platform != "linux" or _is_alive(process)


def kill(processes: Collection[int]) -> None:
    """Kill child processes as in a power failure, and poll their `Popen` objects so that they are reaped."""
    for process in processes:
        with suppress(OSError):
            os.kill(process, getattr(signal, "SIGKILL", signal.SIGTERM))
    module = sys.modules.get("subprocess")
    if not processes or module is None:
        return
    for found in gc.get_objects():
        if type(found) is module.Popen and found.pid in processes:
            until = monotonic() + _DEATH
            while found.poll() is None and monotonic() < until:
                sleep(0.001)


def _may_have_children() -> bool:
    if _waitid is None:
        return True
    try:
        _waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def _helpers() -> tuple[int | None, int | None]:
    """Return the process ids of multiprocessing's resource tracker and fork server."""
    found = []
    for module, instance, attribute in (
        ("resource_tracker", "_resource_tracker", "_pid"),
        ("forkserver", "_forkserver", "_forkserver_pid"),
    ):
        helper = getattr(sys.modules.get(f"multiprocessing.{module}"), instance, None)
        found.append(getattr(helper, attribute, None))
    return found[0], found[1]


def _linux_child_lives(sharing: Collection[int]) -> bool:
    tracker, server = _helpers()
    passed_over = {*sharing, server}
    waiting = ["self"]
    try:
        while waiting:
            for child in _children(waiting.pop()):
                if child == tracker or not _is_alive(child):
                    continue
                if child not in passed_over:
                    return True
                waiting.append(str(child))
    except OSError:
        return True  # a kernel that lists no children, or a thread that ended just now and passed its own on
    return False


def _children(process: str) -> list[int]:
    tasks = f"/proc/{process}/task"
    lists = [_content(f"{tasks}/{task}/children") for task in listdir(tasks)]  # the real one
    return [int(child) for children in lists for child in children.split()]


def _is_alive(process: int) -> bool:
    try:
        return _content(f"/proc/{process}/stat").rpartition(b") ")[2][:1] not in b"ZX"
    except OSError:
        return False


def _content(path: str) -> bytes:
    descriptor = open_descriptor(path, os.O_RDONLY)
    try:
        return read(descriptor, 65536)
    finally:
        close(descriptor)


def _other_child_lives(sharing: Collection[int]) -> bool:
    try:
        import psutil  # noqa: PLC0415  # an extra, slow to import
    except ImportError:
        return _waitid is not None
    tracker, server = _helpers()
    passed_over = {*sharing, server}
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
