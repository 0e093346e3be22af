"""The thread that waits for whatever may be asked: it tells whether it must be back at a certain moment."""

import os
import threading
import time

import pytest
from skips import posix_fact

from pytest_fsfault._intercept.children.parent import event_loop
from pytest_fsfault._intercept.children.parent.event_loop import EventLoop

HOUR = 3600.0
MINUTE = 60_000_000_000


@posix_fact("pipes that are watched by their descriptors")
@pytest.mark.parametrize(
    ("later", "look", "expected"), [(False, None, False), (True, None, True), (False, HOUR, True)]
)
def test_it_is_timed_if_a_call_or_a_look_is_due(later, look, expected):
    """Who is called back may wait for more only if nothing else is to be done at a moment."""
    found, failures, seen = [], [], threading.Event()
    loop = EventLoop(set(), lambda: look, failures.append)
    reader, writer = os.pipe()

    def ready():
        found.append(loop.is_timed)
        os.read(reader, 1)
        seen.set()

    loop.watch(reader, ready)
    if later:
        loop.after(HOUR, found.clear)
    loop.start()
    try:
        os.write(writer, b"!")
        assert seen.wait(60)
    finally:
        loop.pause()
        loop.close()
        os.close(reader)
        os.close(writer)
    assert ([expected], []) == (found, failures)


@pytest.mark.parametrize("late", [False, True])
@posix_fact("pipes that are watched by their descriptors")
def test_what_has_come_is_heard_however_busy_the_thread_is(late, monkeypatch):
    """Who waits for that waits for a callback at work, and for what the system has not shown to `has_input`."""
    monkeypatch.setattr(event_loop, "_TALK", 1)
    monkeypatch.setattr(event_loop, "_BUSY", 10 * MINUTE)
    heard, failures = [], []
    loop = EventLoop(set(), lambda: None, failures.append)
    monkeypatch.setattr(type(loop._poller), "tells_late", late)
    reader, writer = os.pipe()

    def ready():
        time.sleep(0.02)
        heard.append(os.read(reader, 1))

    loop.watch(reader, ready)
    loop.start()
    try:
        for sent in range(1, 6):
            os.write(writer, b"!")
            loop.settle(lambda: not late and (loop.busy or loop.has_input()))
            assert (sent, []) == (len(heard), failures)
    finally:
        loop.pause()
        loop.close()
        os.close(reader)
        os.close(writer)


def test_who_goes_on_talking_is_not_waited_for():
    """What had come before is heard; there is always more, and the wait ends."""
    rounds, failures = [], []
    loop = EventLoop(set(), lambda: rounds.append(1), failures.append)
    loop.start()
    try:
        loop.settle(lambda: True)
        assert len(rounds) >= 2
    finally:
        loop.pause()
        loop.close()
    assert [] == failures
