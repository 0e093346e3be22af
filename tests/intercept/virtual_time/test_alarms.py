"""An alarm rings in real time, and no wait is over before it."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time

import pytest
from skips import linux_fact, posix_fact

from pytest_fsfault import inject
from pytest_fsfault._intercept.virtual_time.alarms import alarm_left

from .scene import join, real_time, start

pytestmark = posix_fact("alarms")


class RungError(Exception):
    """The alarm has rung."""


def _ring(*_: object) -> None:
    raise RungError


@pytest.fixture
def alarm():
    """Return the function that sets an alarm; one that rings raises."""
    before = signal.signal(signal.SIGALRM, _ring)
    yield lambda *seconds: signal.setitimer(signal.ITIMER_REAL, *seconds)
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def _in_steps():
    while True:
        time.sleep(0.01)


def _beside_a_sleeper():
    threads = start(lambda: time.sleep(500))
    join(threads)


WAITS = {
    "a sleep": lambda: time.sleep(1000),
    "sleeps in steps": _in_steps,
    "an event": lambda: threading.Event().wait(1000),
    "a sleeping thread": _beside_a_sleeper,
}


@pytest.mark.parametrize("wait", WAITS.values(), ids=WAITS)
def test_an_alarm_ends_a_wait_that_is_longer(clock, alarm, wait):
    """It rings after its real time, before the wait is over."""
    began = real_time()
    alarm(0.2)
    with pytest.raises(RungError):
        wait()
    assert clock.now < 100
    assert 0.19 < real_time() - began


@pytest.mark.usefixtures("quick")
def test_what_ends_before_the_alarm_is_jumped_over(clock, alarm):
    """As is everything, once the alarm is off."""
    alarm(5000)
    time.sleep(4000)
    alarm(0)
    time.sleep(4000)
    assert 8000 <= clock.now < 8001


def test_an_alarm_that_rings_again_and_again_is_met_each_time(clock):
    """A loop of sleeps sees as many of them as it would in real time."""
    rings: list[float] = []
    before = signal.signal(signal.SIGALRM, lambda *_: rings.append(clock.now))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.1, 0.1)
        while len(rings) < 3:
            time.sleep(0.01)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert rings[2] < 100


def _time_out(*_: object) -> None:
    raise AssertionError("the alarm of a runner rang")


_time_out.__module__ = "pytest_timeout"


@pytest.mark.usefixtures("quick")
def test_the_alarm_of_a_runner_holds_nothing_up(clock, alarm):
    """The limit that pytest-timeout sets a test is one in real time."""
    signal.signal(signal.SIGALRM, _time_out)
    alarm(3000)
    assert alarm_left() is None
    time.sleep(4000)
    assert 4000 <= clock.now < 4001


_CODE = """
import signal, time
def ring(*_): raise InterruptedError
open("watched", "w").close()
signal.signal(signal.SIGALRM, ring)
signal.setitimer(signal.ITIMER_REAL, 0.2)
began = time.monotonic()
try:
    time.sleep(1000)
except InterruptedError:
    print("rang", time.monotonic() - began < 100)
time.sleep(1000)
print("slept", time.monotonic() - began > 1000)
"""


@pytest.mark.usefixtures("quick")
@linux_fact("a child waits on the clock of its parent")
def test_the_alarm_of_a_child_is_its_own(tmp_path):
    """It ends the child's sleep; the next sleep is jumped over."""
    with inject(roots=[tmp_path]):
        command = [sys.executable, "-c", _CODE]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "rang True\nslept True\n" == done.stdout, done.stderr
