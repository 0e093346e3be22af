"""What the system shows of a blocked thread: whether its call has a limit, and how much of it is left."""

from __future__ import annotations

import ctypes
import os
import select
import signal
import struct
import sys
import threading
import time

import pytest
from skips import linux_fact

from pytest_fsfault._intercept.virtual_time import limits, pollers

from .scene import join, real_sleep, start

linux = linux_fact("a thread tells of its limit", limits._CALLS)
SECOND = 10**9
MONOTONIC, WALL, SEEN = (
    100 * SECOND,
    5000 * SECOND,
    97 * SECOND,
)  # the clocks, and since when the thread is seen


@pytest.fixture
def told(monkeypatch):
    """Return a function that tells what is left of a call, on a machine of one's choice."""

    def left(machine: str, call: str, memory: bytes = b"", since: int = SEEN) -> int | None:
        monkeypatch.setattr(limits, "_CALLS", limits._TABLES[machine])
        monkeypatch.setattr(limits, "_content", lambda path: call.encode())
        monkeypatch.setattr(limits, "monotonic_ns", lambda: MONOTONIC)
        monkeypatch.setattr(limits, "wall_ns", lambda: WALL)
        monkeypatch.setattr(limits, "open_descriptor", lambda *_: 0)
        monkeypatch.setattr(limits, "close", lambda _: None)
        monkeypatch.setattr(limits, "pread", lambda _fd, size, at: memory[at - 0x1000 :][:size])
        return limits.time_left("self", 1, since)

    return left


def _call(number: int, *arguments: int) -> str:
    words = [*arguments, *[0] * (6 - len(arguments))]
    return " ".join([str(number), *map(hex, words), "0x7ffc", "0x7f00"])


def _spec(seconds: int, rest: int = 0) -> bytes:
    return struct.pack("qq", seconds, rest)


AT = 0x1000
ABSOLUTE = {
    "a lock of glibc": ((0, 0x89, 0, AT), 103, 3),  # FUTEX_WAIT_BITSET_PRIVATE, CLOCK_MONOTONIC
    "a semaphore": ((0, 0x109, 0, AT), 5003, 3),  # FUTEX_WAIT_BITSET, CLOCK_REALTIME
    "a lock of musl": (
        (0, 0x80, 0, AT),
        10,
        7,
    ),  # FUTEX_WAIT_PRIVATE: from now on, and three seconds are gone
    "one that has expired": ((0, 0x89, 0, AT), 99, 0),
    "a lock without a limit": ((0, 0x89, 0, 0), 0, None),
}


@pytest.mark.parametrize(("machine", "futex"), [("x86_64", 202), ("aarch64", 98), ("riscv64", 98)])
@pytest.mark.parametrize("case", ABSOLUTE)
def test_what_is_left_of_a_lock(told, machine, futex, case):
    """By the operation the time is one from now on, or one of two clocks."""
    arguments, seconds, expected = ABSOLUTE[case]
    found = told(machine, _call(futex, *arguments), _spec(seconds))
    assert found == (None if expected is None else expected * SECOND)


# Machine, number, arguments, what is in memory, and the seconds that are left, three being gone.
CALLS = [
    ("x86_64", 7, (0, 1, 5000), b"", 2),  # poll
    ("x86_64", 7, (0, 1, 0xFFFFFFFF), b"", None),
    ("x86_64", 7, (0, 1, 0xFFFFFFFFFFFFFFFF), b"", None),
    ("x86_64", 7, (0, 1, 0x7F00000000001388), b"", 2),
    ("x86_64", 271, (0, 1, AT), _spec(5), 2),  # ppoll
    ("x86_64", 23, (0, 0, 0, 0, AT), _spec(3, 500_000), 0.5),  # select: microseconds
    ("x86_64", 23, (0, 0, 0, 0, 0), b"", None),
    ("x86_64", 270, (0, 0, 0, 0, AT), _spec(3, 500_000_000), 0.5),  # pselect6
    ("x86_64", 232, (3, 0, 8, 4000), b"", 1),  # epoll_wait
    ("x86_64", 281, (3, 0, 8, 0xFFFFFFFF), b"", None),  # epoll_pwait
    ("x86_64", 441, (3, 0, 8, AT), _spec(4), 1),  # epoll_pwait2
    ("x86_64", 35, (AT,), _spec(4), 1),  # nanosleep
    ("x86_64", 230, (1, 0, AT), _spec(4), 1),  # clock_nanosleep, from now on
    ("x86_64", 230, (1, 1, AT), _spec(104), 4),  # TIMER_ABSTIME
    ("x86_64", 230, (0, 1, AT), _spec(5004), 4),
    ("x86_64", 128, (0, 0, AT), _spec(4), 1),  # rt_sigtimedwait
    ("x86_64", 242, (0, 0, 0, 0, AT), _spec(5004), 4),  # mq_timedsend
    ("x86_64", 449, (0, 1, 0, AT, 1), _spec(104), 4),  # futex_waitv
    ("x86_64", 449, (0, 1, 0, AT, 0), _spec(5004), 4),
    ("x86_64", 0, (5, AT, 100), b"", None),  # read: on a pipe it is a wait without a limit
    ("aarch64", 73, (0, 1, AT), _spec(5), 2),  # ppoll
    ("aarch64", 72, (0, 0, 0, 0, AT), _spec(5), 2),  # pselect6
    ("aarch64", 22, (3, 0, 8, 4000), b"", 1),  # epoll_pwait
    ("aarch64", 101, (AT,), _spec(4), 1),  # nanosleep
    ("riscv64", 115, (1, 1, AT), _spec(104), 4),  # clock_nanosleep
    ("riscv64", 137, (0, 0, AT), _spec(4), 1),  # rt_sigtimedwait
    ("riscv64", 63, (5, AT, 100), b"", None),  # read
]


@pytest.mark.parametrize(("machine", "number", "arguments", "memory", "expected"), CALLS)
def test_what_is_left_of_a_call(told, machine, number, arguments, memory, expected):
    """Each call tells it in its own way."""
    found = told(machine, _call(number, *arguments), memory)
    assert found == (None if expected is None else round(expected * SECOND))


@pytest.mark.parametrize(
    ("line", "expected"),
    [("running", 0), ("", None), ("-1 0x7ffc 0x7f00", None), (_call(202, 0, 0x89, 0, 0x10), None)],
)
def test_what_cannot_be_read_is_no_limit_and_who_runs_has_none_left(told, line, expected):
    """The thread has gone, or runs; the file is missing, or not ours; the memory is not there any more."""
    if expected is None and line.startswith("202"):
        assert 0 == told("x86_64", line)
    else:
        assert expected == told("x86_64", line)


# For real


def _seen(wait) -> int | None:
    """Return what is left for a thread that has begun to wait."""
    (thread,) = start(wait)
    real_sleep(0.1)
    found = limits.time_left("self", thread.native_id, time.monotonic_ns() - SECOND // 10)
    join([thread])
    return found


def _timed_signal() -> None:
    signal.sigtimedwait([signal.SIGUSR2], 0.6)


def _timed_lock() -> None:
    lock = threading.Lock()
    lock.acquire()
    lock.acquire(timeout=0.6)


@linux
@pytest.mark.parametrize(
    "wait",
    [
        _timed_lock,
        _timed_signal,
        lambda: time.sleep(0.6),
        lambda: ctypes.CDLL(None).usleep(600_000),
        lambda: select.select([], [], [], 0.6),
        lambda: select.poll().poll(600),
        lambda: select.epoll().poll(0.6),
    ],
)
def test_a_thread_that_waits_for_six_tenths_has_five_left_after_one(wait):
    """Within what a busy machine makes of it."""
    assert 0 < _seen(wait) <= 0.52 * SECOND


@linux
def test_waits_without_a_limit_have_none():
    """A lock, a pipe and a join."""
    lock, (reader, writer) = threading.Lock(), os.pipe()
    lock.acquire()
    threads = start(lock.acquire, lambda: os.read(reader, 1))
    threads += start(threads[0].join)
    real_sleep(0.05)
    assert [None] * 3 == [
        limits.time_left("self", thread.native_id, time.monotonic_ns()) for thread in threads
    ]
    os.write(writer, b"x")
    lock.release()
    join(threads)
    os.close(reader)
    os.close(writer)


def test_the_loop_of_a_server_is_idle_and_what_it_calls_is_not():
    """Its own wait means nothing; a handler that waits is a wait."""
    frames = []
    code = "def serve_forever(wait):\n    wait()\n"
    spaces = {name: {"__name__": name} for name in ("socketserver", "selectors", "theirs")}
    exec(code, spaces["socketserver"])
    for name in ("selectors", "theirs"):
        exec("def select(look):\n    look()\n", spaces[name])

    def look() -> None:
        frames.append(sys._getframe(1))

    for name in ("selectors", "theirs"):
        spaces["socketserver"]["serve_forever"](lambda name=name: spaces[name]["select"](look))
    # Between the loop and the selector stands the lambda of this test, which is neither.
    assert [False, False] == [pollers.begun_by_poller(frame) for frame in frames]
    spaces["socketserver"]["serve_forever"](look)
    assert pollers.begun_by_poller(frames[-1]) is True
