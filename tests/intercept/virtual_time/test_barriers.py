"""Beside threads that wait in real time: what has a limit stops the clock there, what has none does not."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import http.server
import logging.handlers
import queue
import socket
import socketserver
import time
from multiprocessing.pool import ThreadPool

import pytest
from skips import linux_fact

from pytest_fsfault._intercept.virtual_time import limits

from .scene import join, real_time, start

_linux = linux_fact("a thread tells of its limit", limits._CALLS)


# No limit: nothing to wait for


@contextlib.contextmanager
def _pool():
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(abs, range(8)))
        yield


@contextlib.contextmanager
def _thread_pool():
    with ThreadPool(2) as pool:
        pool.map(abs, range(8))
        yield


@contextlib.contextmanager
def _loop():
    loop = asyncio.new_event_loop()
    threads = start(loop.run_forever)
    yield
    loop.call_soon_threadsafe(loop.stop)
    join(threads)
    loop.close()


@contextlib.contextmanager
def _queue():
    items: queue.Queue[None] = queue.Queue()
    threads = start(items.get)
    yield
    items.put(None)
    join(threads)


@contextlib.contextmanager
def _listener():
    records: queue.Queue[logging.LogRecord] = queue.Queue()
    listener = logging.handlers.QueueListener(records)
    listener.start()
    yield
    listener.stop()


@contextlib.contextmanager
def _accept():
    with socket.create_server(("localhost", 0)) as server:
        accepted = []
        threads = start(lambda: accepted.append(server.accept()[0]))
        yield
        socket.create_connection(server.getsockname()).close()
        join(threads)
        accepted[0].close()


@contextlib.contextmanager
def _served(kind):
    with kind(("localhost", 0), http.server.BaseHTTPRequestHandler) as server:
        threads = start(server.serve_forever)
        yield
        server.shutdown()
        join(threads)


def _http():
    return _served(http.server.ThreadingHTTPServer)


def _tcp():
    return _served(socketserver.TCPServer)


@pytest.mark.parametrize(
    "beside",
    [
        _queue,
        _listener,
        *(
            pytest.param(beside, marks=_linux)
            for beside in (_pool, _thread_pool, _loop, _accept, _http, _tcp)
        ),
    ],
)
def test_ten_seconds_of_retries_beside_who_waits_for_work_take_no_real_time(clock, beside):
    """A pool, a loop, a queue, a server without a client: a retry loop of ten seconds is over at once.

    The fastest of three counts, and a twentieth of the time is far more than it takes: machines are busy.
    """
    spent = []
    with beside():
        time.sleep(1)  # until they have come to their waits
        for _ in range(3):
            before, began = clock.now, real_time()
            for _ in range(20):
                time.sleep(0.5)
            spent.append(real_time() - began)
            assert 10 == pytest.approx(clock.now - before, abs=0.01)
    assert min(spent) < 0.5


SLOW = """
import queue, threading, time

def test_it():
    work, stop = queue.SimpleQueue(), []

    def poll():
        while not stop:
            try:
                work.get(timeout=0.2)
            except queue.Empty:
                pass

    thread = threading.Thread(target=poll, name="poller")
    thread.start()
    time.sleep(1.6)
    stop.append(True)
    thread.join()
"""


@_linux
@pytest.mark.parametrize(("seconds", "told"), [("1.6", True), ("0.2", False)])
def test_the_summary_says_whose_wait_took_real_time(pytester, apart, seconds, told):
    """A thread that looks every now and then, with timeouts that only the system keeps; less than a second is not told."""
    pytester.makepyfile(SLOW.replace("1.6", seconds))
    result = apart("--fsfault-profile", "observe")
    result.assert_outcomes(passed=1)
    lines = [line for line in result.outlines if line.startswith("not skipped: ")]
    assert told == bool(lines)
    for line in lines:
        assert line.endswith("s of real time, for a wait with a timeout in thread 'poller'")
