"""The clock does not jump between the question of a child and what the child does with its answer."""

import socket
import subprocess
import sys
import threading
import time

import pytest
from skips import linux_fact

from pytest_fsfault import inject
from pytest_fsfault._intercept.interceptor import interceptor

pytestmark = linux_fact("the system tells which processes are idle")
REAL_SLEEP = time.sleep


@pytest.fixture
def server(root):
    """The thread that answers children, in a session."""
    with inject("os.replace -> EBUSY or never", roots=[root], native=False, strict=False):
        yield interceptor().supervisor._serve()


def test_who_was_answered_amid_the_look_works(server, monkeypatch):
    """It was idle when it was looked at, and nothing is unanswered any more: the answer has come between."""
    ours, theirs = socket.socketpair()
    looked, answered = threading.Event(), threading.Event()
    look, has_input = server.activity._is_busy, server.loop.has_input

    def is_busy(process, now):
        try:
            return look(process, now)
        finally:
            looked.set()

    def answer():
        ours.recv(1)
        answered.set()

    def late(behind=()):
        if looked.is_set() and not answered.is_set():
            theirs.send(b"?")
            assert answered.wait(60)
            while server.loop.busy:
                REAL_SLEEP(0.001)
        return has_input(behind)

    def await_quiet():
        while server.activity.at_work(time.monotonic_ns()):
            REAL_SLEEP(0.001)

    with subprocess.Popen(["sleep", "1000"]) as idle, ours, theirs:
        server.loop.watch(ours.fileno(), answer)
        server.activity.meet([idle.pid])
        try:
            await_quiet()
            with monkeypatch.context() as patch:
                patch.setattr(server.activity, "_is_busy", is_busy)
                patch.setattr(server.loop, "has_input", late)
                assert server.activity.at_work(time.monotonic_ns())
            await_quiet()
        finally:
            server.loop.unwatch(ours.fileno())
            server.activity.meet([])
            idle.kill()
    assert answered.is_set()


def test_who_was_woken_and_does_not_know_it_works(server, monkeypatch):
    """A thread of a child has set the event that another one waits for, which has no answer yet."""
    monkeypatch.setattr(server.loop, "_look", lambda look=server.loop._look: _late(server, look))
    code = (
        "import threading, time\nevent, shut = threading.Event(), threading.Lock()\nshut.acquire()\n"
        "work = lambda: (time.sleep(5), event.set(), shut.acquire())\n"
        "threading.Thread(target=work, daemon=True).start()\n"
        "print(event.wait(1000))"
    )
    done = subprocess.run([sys.executable, "-c", code], timeout=60, capture_output=True, check=False)
    assert (b"True\n", b"") == (done.stdout, done.stderr)


def _late(server, look):
    if server.dispatcher.clock._cancelled:
        REAL_SLEEP(0.2)
    return look()
