"""A virtual clock in force, and the promise that nothing stays patched."""

from __future__ import annotations

import multiprocessing.connection
import os
import queue
import select
import selectors
import socket
import subprocess
import sys
import threading
import time
from time import perf_counter as real_time

import pytest

from .scene import join, real_sleep, start, virtual

_SPACES = (
    time,
    threading,
    threading.Condition,
    threading.Thread,
    queue,
    os,
    select,
    subprocess.Popen,
    socket.socket,
    multiprocessing.connection,
    multiprocessing.connection._ConnectionBase,
    *(value for value in vars(selectors).values() if isinstance(value, type)),
)


def _names() -> dict[tuple[object, str], object]:
    return {
        (space, name): value
        for space in _SPACES
        for name, value in vars(space).items()
        if callable(value) and not name.startswith("@")
    }


@pytest.fixture(autouse=True)
def _restored():
    """After each test, every patched name is the original again."""
    before = _names()
    yield
    after = _names()
    assert {} == {key: value for key, value in after.items() if before.get(key) is not value}
    assert before.keys() == after.keys()


@pytest.fixture
def clock():
    """Return a virtual clock in force."""
    with virtual() as clock:
        yield clock


@pytest.fixture
def quick():
    """Check that the test took far less real time than a minute; elsewhere than on Linux the whole process counts."""
    began = real_time()
    yield
    assert real_time() - began < (20 if sys.platform == "linux" else 120)


@pytest.fixture
def later():
    """Return a function that makes a thread, none of the test's, call something after real seconds."""
    go, calls = threading.Semaphore(0), []

    def run() -> None:
        go.acquire()
        for seconds, call in calls:
            real_sleep(seconds)
            call()

    def order(seconds: float, call) -> None:
        calls.append((seconds, call))
        go.release()

    threads = start(run)
    yield order
    go.release()
    join(threads)
