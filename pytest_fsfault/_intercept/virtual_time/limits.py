"""Tell of a blocked thread whether its system call ends by itself, and when: what Linux shows in `/proc`.

Not visible: timeouts of a socket that the kernel keeps (SO_RCVTIMEO), timerfd, and what helper threads of native code
do. `read` and `write` are no work: on a pipe or a socket they are waits, and who waits for a disk
counts as running.
"""

from __future__ import annotations

import os
import struct
import sys
from os import O_RDONLY, close, read
from os import open as open_descriptor
from time import monotonic_ns
from typing import Any

from pytest_fsfault._core.clock import SECOND
from pytest_fsfault._core.language.rows import Row
from pytest_fsfault._intercept.virtual_time.travel import wall_ns

# How a call is told its limit: a timespec, a timeval or an int of milliseconds from now on; a timespec of the wall
# clock; and those of futex(2), clock_nanosleep(2) and futex_waitv(2), which say by other arguments what they mean.
_TIMESPEC, _TIMEVAL, _MILLISECONDS, _WALL, _FUTEX, _SLEEP, _WAITV = range(7)
_FUTEX_COMMAND, _FUTEX_REALTIME = 0x7F, 0x100  # <linux/futex.h>; FUTEX_WAIT, which alone is relative, is 0
_TIMER_ABSTIME = 1  # <time.h>
_CLOCK_REALTIME = 0  # <time.h>


pread: Any = getattr(os, "pread", None)  # Windows has none


class _Call(Row):
    limit: int  # which argument, from 0
    kind: int


# Numbers: arch/x86/entry/syscalls/syscall_64.tbl of Linux.
_X86_64 = {
    202: _Call(3, _FUTEX),  # futex
    7: _Call(2, _MILLISECONDS),  # poll
    271: _Call(2, _TIMESPEC),  # ppoll
    23: _Call(4, _TIMEVAL),  # select
    270: _Call(4, _TIMESPEC),  # pselect6
    232: _Call(3, _MILLISECONDS),  # epoll_wait
    281: _Call(3, _MILLISECONDS),  # epoll_pwait
    441: _Call(3, _TIMESPEC),  # epoll_pwait2
    35: _Call(0, _TIMESPEC),  # nanosleep
    230: _Call(2, _SLEEP),  # clock_nanosleep
    128: _Call(2, _TIMESPEC),  # rt_sigtimedwait
    299: _Call(4, _TIMESPEC),  # recvmmsg
    220: _Call(3, _TIMESPEC),  # semtimedop
    242: _Call(4, _WALL),  # mq_timedsend
    243: _Call(4, _WALL),  # mq_timedreceive
    208: _Call(4, _TIMESPEC),  # io_getevents
    449: _Call(3, _WAITV),  # futex_waitv
}
# include/uapi/asm-generic/unistd.h: aarch64 and riscv64.
_GENERIC = {
    98: _Call(3, _FUTEX),
    73: _Call(2, _TIMESPEC),  # ppoll
    72: _Call(4, _TIMESPEC),  # pselect6
    22: _Call(3, _MILLISECONDS),  # epoll_pwait
    441: _Call(3, _TIMESPEC),  # epoll_pwait2
    101: _Call(0, _TIMESPEC),  # nanosleep
    115: _Call(2, _SLEEP),  # clock_nanosleep
    137: _Call(2, _TIMESPEC),  # rt_sigtimedwait
    243: _Call(4, _TIMESPEC),  # recvmmsg
    192: _Call(3, _TIMESPEC),  # semtimedop
    182: _Call(4, _WALL),  # mq_timedsend
    183: _Call(4, _WALL),  # mq_timedreceive
    4: _Call(4, _TIMESPEC),  # io_getevents
    449: _Call(3, _WAITV),  # futex_waitv
}

_TABLES = {"x86_64": _X86_64, "aarch64": _GENERIC, "riscv64": _GENERIC}


def _table() -> dict[int, _Call]:
    """Return the calls of this interpreter; none where another one's numbers would be read."""
    if sys.platform != "linux" or sys.maxsize < 1 << 32:
        return {}
    return _TABLES.get(os.uname().machine, {})


_CALLS = _table()


def time_left(process: int | str, task: int, since: int) -> int | None:
    """Return the real nanoseconds after which a blocked thread goes on by itself; None for no limit, or none seen.

    `process` is its process, or "self"; `task` is its number of the system's; `since` is the real instant from which
    on it has been seen in this wait. 0 stands for a thread that runs, and for a limit that is not readable.
    """
    words = _content(f"/proc/{process}/task/{task}/syscall").split()
    if words[:1] == [b"running"]:
        return 0
    call = _CALLS.get(int(words[0])) if len(words) > 6 else None  # fewer of who is blocked in no call  # noqa: PLR2004
    if call is None:
        return None
    arguments = [int(word, 16) for word in words[1:7]]
    limit = arguments[call.limit]
    waited = monotonic_ns() - since
    if call.kind == _MILLISECONDS:
        # An int: the upper half of the register is not a part of it, and its sign bit means for ever.
        limit &= 0xFFFFFFFF
        return None if limit & 0x80000000 else max(limit * 1_000_000 - waited, 0)
    if not limit:
        return None
    told = _timespec(process, limit, 1000 if call.kind == _TIMEVAL else 1)
    return None if told is None else max(told - _origin(call.kind, arguments, waited), 0)


def run_time(process: int | str, task: int) -> bytes:
    """Return the CPU time of a thread of any process, as the system writes it; nothing where it does not tell."""
    return _content(f"/proc/{process}/task/{task}/schedstat").partition(b" ")[0]


def _origin(kind: int, arguments: list[int], waited: int) -> int:
    """Return what has to be taken from the limit that a call was given."""
    if kind == _WALL:
        return wall_ns()
    if kind == _FUTEX and arguments[1] & _FUTEX_COMMAND:
        return wall_ns() if arguments[1] & _FUTEX_REALTIME else monotonic_ns()
    if kind == _WAITV:
        return wall_ns() if arguments[4] == _CLOCK_REALTIME else monotonic_ns()
    if kind == _SLEEP and arguments[1] & _TIMER_ABSTIME:
        return wall_ns() if arguments[0] == _CLOCK_REALTIME else monotonic_ns()
    return waited


def _timespec(process: int | str, address: int, unit: int) -> int | None:
    """Return two numbers of a process's memory as nanoseconds, the second in units of so many; None if unreadable."""
    try:
        # Opened each time: after a fork an open one is the parent's.
        memory = open_descriptor(f"/proc/{process}/mem", O_RDONLY)
    except OSError:
        return None
    try:
        seconds, rest = struct.unpack("qq", pread(memory, 16, address))
    except (OSError, OverflowError, struct.error):
        return 0  # gone meanwhile: the thread runs
    finally:
        close(memory)
    return int(seconds * SECOND + rest * unit)


def _content(path: str) -> bytes:
    """Return the beginning of a file; nothing if it is not there, or not ours to read."""
    try:
        descriptor = open_descriptor(path, O_RDONLY)
    except OSError:
        return b""
    try:
        return read(descriptor, 200)
    except OSError:
        return b""
    finally:
        close(descriptor)
