"""The thread that waits for whatever may be asked: it tells whether it must be back at a certain moment."""

import os
import threading

import pytest

from pytest_fsfault._intercept.children.parent.event_loop import EventLoop

HOUR = 3600.0


@pytest.mark.skipif(os.name != "posix", reason="pipes are watched by their descriptors")
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
