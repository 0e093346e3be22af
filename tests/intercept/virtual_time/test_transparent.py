"""Code that meets no fault sees no difference: waits of other threads, of processes, and on the outside."""

from __future__ import annotations

import concurrent.futures
import ctypes
import ctypes.util
import multiprocessing
import os
import queue
import select
import socket
import subprocess
import sys
import threading
import time

import pytest
from real_time import real_time
from skips import linux_fact, wine_differs

from pytest_fsfault import inject
from pytest_fsfault._intercept.virtual_time import limits

from .scene import join, start

linux = linux_fact("a thread tells of its limit", limits._CALLS)
LIMIT = 0.3


@pytest.fixture(autouse=True)
def session(tmp_path):
    """A session that refuses nothing."""
    with inject(roots=[tmp_path], children=True) as fsfault:
        yield fsfault


# Limited waits in real time, each of which takes LIMIT


def _lock() -> None:
    lock = threading.Lock()
    lock.acquire()
    assert not lock.acquire(timeout=LIMIT)


def _semaphore() -> None:
    assert not multiprocessing.get_context("spawn").Semaphore(0).acquire(timeout=LIMIT)


def _simple_queue() -> None:
    with pytest.raises(queue.Empty):
        queue.SimpleQueue().get(timeout=LIMIT)


def _select() -> None:
    reader, writer = os.pipe()
    select.select([reader], [], [], LIMIT)
    os.close(reader)
    os.close(writer)


def _poll() -> None:
    select.poll().poll(LIMIT * 1000)


def _epoll() -> None:
    with select.epoll() as waiting:
        waiting.poll(LIMIT)


def _socket() -> None:
    left, right = socket.socketpair()
    with left, right:
        left.settimeout(LIMIT)
        with pytest.raises(TimeoutError):
            left.recv(1)


def _native() -> None:
    ctypes.CDLL(None).usleep(int(LIMIT * 1_000_000))


def _program() -> None:
    subprocess.run(["sleep", str(LIMIT)], check=True)


def _future() -> None:
    with pytest.raises(concurrent.futures.TimeoutError):
        concurrent.futures.Future().result(timeout=LIMIT)


def _joined() -> None:
    (thread,) = start(lambda: time.sleep(60))
    thread.join(LIMIT)
    assert thread.is_alive()


def _work() -> None:
    end = real_time() + LIMIT
    while real_time() < end:
        pass


WAITS = [
    _lock,
    _semaphore,
    _simple_queue,
    _select,
    _poll,
    _epoll,
    _socket,
    _native,
    _program,
    _future,
    _joined,
    _work,
]


@linux
@pytest.mark.parametrize("wait", WAITS)
def test_a_limit_beside_a_shorter_wait_of_the_test_does_not_expire(wait):
    """A thread waits for an event for at most a minute, which the test sets after it has waited itself."""
    event, answers = threading.Event(), []
    threads = start(lambda: answers.append(event.wait(60)))
    wait()
    event.set()
    join(threads)
    assert [True] == answers


@linux
@pytest.mark.parametrize("wait", WAITS)
def test_a_limit_beside_a_shorter_wait_of_a_thread_does_not_expire(wait, session):
    """The same with the parts exchanged; the clock does not jump ahead."""
    event = threading.Event()
    threads = start(lambda: (wait(), event.set()))
    assert event.wait(60) is True
    assert session.clock.now < 20
    join(threads)


@linux
def test_a_limit_that_nobody_told_of_ends_in_its_time(session):
    """Beside a thread that sleeps for long, two seconds of a lock are two seconds, also on the clock."""
    lock = threading.Lock()
    lock.acquire()
    threads = start(lambda: (time.sleep(100), lock.release()))
    began = real_time()
    assert lock.acquire(timeout=0.5) is False
    assert real_time() - began < 20
    assert session.clock.now < 20
    assert lock.acquire(timeout=-1) is True
    assert 100 == pytest.approx(session.clock.now, abs=0.01)
    join(threads)


# Joins


def test_a_join_with_a_limit_ends_at_its_virtual_time(session):
    """It takes no real time, and the thread is still there."""
    (thread,) = start(lambda: time.sleep(100))
    began = real_time()
    thread.join(30)
    assert (True, 30.0) == (thread.is_alive(), pytest.approx(session.clock.now, abs=0.001))
    thread.join(1000)
    assert (False, 100.0) == (thread.is_alive(), pytest.approx(session.clock.now, abs=0.001))
    assert real_time() - began < 20


def test_a_loop_of_joins_waits_as_long_as_the_thread_lives(session):
    """`while alive: join(0.1)` sees the end at the next tenth of a second."""
    (thread,) = start(lambda: time.sleep(2.05))
    turns = 0
    while thread.is_alive():
        thread.join(0.1)
        turns += 1
    assert (21, 2.05) == (turns, pytest.approx(session.clock.now, abs=0.01))


def test_who_joins_a_thread_that_has_ended_does_not_wait(session):
    """Nor is there anything to wait for in a limit of nothing."""
    (thread,) = start(int)
    thread.join()
    thread.join(100)
    (other,) = start(lambda: time.sleep(1))
    other.join(0)
    assert session.clock.now < 0.01
    other.join()


def test_a_thread_that_ends_just_now_is_joined_at_once(session):
    """However the end and the beginning of the wait meet."""
    for _ in range(200):
        thread = threading.Thread(target=int)
        thread.start()
        thread.join(1000)
        assert not thread.is_alive()
    assert session.clock.now < 0.1


@pytest.mark.parametrize(
    ("thread", "limit", "error"),
    [
        (threading.Thread(), 1, RuntimeError),
        (threading.current_thread(), 1, RuntimeError),
        (threading.current_thread(), "1", (RuntimeError, TypeError)),
    ],
)
def test_a_join_that_is_no_wait_is_refused_as_ever(thread, limit, error):
    """What has not been started, and oneself."""
    with pytest.raises(error):
        thread.join(limit)


# Processes


def _hand_over(answers: multiprocessing.Queue) -> None:
    answers.put("here")


def test_connections_have_their_limits():
    """`poll` with a limit answers as ever, while children may be there."""
    subprocess.run([sys.executable, "-c", ""], check=True)
    left, right = multiprocessing.Pipe()
    with left, right:
        assert left.poll(0.1) is False
        right.send(1)
        assert left.poll(1) is True


@wine_differs("a message wakes nobody who waits for it with a limit")
def test_queues_have_their_limits():
    """`get` with a limit answers as ever, while children may be there."""
    context = multiprocessing.get_context("fork" if hasattr(os, "fork") else "spawn")
    answers = context.Queue()
    with pytest.raises(queue.Empty):
        answers.get(timeout=0.1)
    process = context.Process(target=_hand_over, args=(answers,))
    process.start()
    assert "here" == answers.get(timeout=60)
    process.join(60)
    assert 0 == process.exitcode
    answers.close()


@linux
@pytest.mark.parametrize(
    "code",
    [
        "import threading; lock = threading.Lock(); lock.acquire(); lock.acquire(timeout=0.3)",
        "import select; select.select([], [], [], 0.3)",
        "import ctypes; ctypes.CDLL(None).usleep(300_000)",
        "import time; time.sleep(0.3)",
    ],
)
def test_a_limit_beside_a_shorter_wait_in_a_child_does_not_expire(code, session):
    """The child shares the clock, and its waits are looked at as those of threads are."""
    event, answers = threading.Event(), []
    threads = start(lambda: answers.append(event.wait(60)))
    # It does something in the tree first, so that it is under the session.
    code = f"import tempfile, os; os.listdir({str(session._session.engine.roots[0])!r}); {code}"
    subprocess.run([sys.executable, "-c", code], check=True)
    event.set()
    join(threads)
    assert [True] == answers


def test_a_ban_on_sockets_does_not_meet_ours(monkeypatch):
    """A child is reached although the test may make no socket."""

    def banned(*_args: object, **_options: object) -> None:
        raise AssertionError("no sockets in this test")

    monkeypatch.setattr(socket, "socket", banned)
    monkeypatch.setattr(socket, "socketpair", banned)
    assert 0 == subprocess.run([sys.executable, "-c", ""], check=False).returncode


SERVER = """
import http.server, os, sys, threading
os.listdir(sys.argv[1])
server = http.server.HTTPServer(("localhost", 0), http.server.BaseHTTPRequestHandler)
threading.Thread(target=lambda: (sys.stdin.read(), server.shutdown())).start()
print("ready", flush=True)
server.serve_forever()
"""


@linux
def test_a_server_in_a_child_that_waits_for_requests_takes_no_real_time(tmp_path, session):
    """Its loop looks every half a second whether it is to end: ten virtual seconds need not keep step with that."""
    command = [sys.executable, "-c", SERVER, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert b"ready\n" == process.stdout.readline()
        real_times = []
        for _ in range(3):
            before, began = session.clock.now, real_time()
            for _ in range(20):
                time.sleep(0.5)
            real_times.append(real_time() - began)
            assert 10 <= session.clock.now - before < 20
        process.stdin.close()
    assert min(real_times) < 5
