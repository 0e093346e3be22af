"""Start and stop, the gate, and interruptions."""

from __future__ import annotations

import queue
import signal
import threading
import time

import pytest

from pytest_fsfault._core.clock import RealClock, VirtualClock
from pytest_fsfault._intercept.virtual_time.threads import ThreadActivity
from pytest_fsfault._intercept.virtual_time.time_functions import VirtualTime

from .scene import join, real_sleep, real_time, start, virtual, work


def test_start_and_stop_restore_everything_whatever_happens():
    """Also when the body fails, and when the start does."""
    with pytest.raises(KeyboardInterrupt), virtual():
        raise KeyboardInterrupt
    clock = VirtualClock(ThreadActivity())
    clock.activity.adopt = None
    with pytest.raises(TypeError), virtual(clock):
        raise AssertionError
    timing = VirtualTime()
    timing.stop()
    assert time.sleep not in VirtualTime.exchanges.values()


def test_a_timing_is_started_once():
    """A second start is a mistake of ours, and changes nothing."""
    timing = VirtualTime()
    timing.start(VirtualClock(ThreadActivity()))
    with pytest.raises(RuntimeError, match=r"^this VirtualTime has been started already$"):
        timing.start(VirtualClock(ThreadActivity()))
    timing.stop()


def test_what_somebody_else_replaced_is_left_alone(monkeypatch):
    """A mock of `time.sleep` stays the mock, before, during and after."""
    slept = []
    monkeypatch.setattr(time, "sleep", slept.append)
    with virtual() as clock:
        time.sleep(5)
    time.sleep(6)
    assert ([5, 6], 0) == (slept, clock.now)


def test_a_mock_undone_after_the_end_is_swept_up(monkeypatch):
    """It puts the wrapper back, which is inert; `sweep` puts the original there."""
    with virtual(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "sleep", lambda _seconds: None)
        VirtualTime().sweep()
        undo = patch._setattr[:]
        patch._setattr.clear()
    for space, name, value in undo:
        setattr(space, name, value)
    assert time.sleep in VirtualTime.exchanges.values()
    time.sleep(0)
    VirtualTime().sweep()
    assert time.sleep not in VirtualTime.exchanges.values()


def test_nested_timings_share_a_clock():
    """The inner one changes nothing about the time, and its end changes nothing either."""
    with virtual() as clock:
        before = time.monotonic_ns()
        time.sleep(1)
        with virtual(clock):
            time.sleep(1)
        time.sleep(1)
        assert 3_000_001_000 == time.monotonic_ns() - before
        assert 3 == pytest.approx(clock.now, abs=0.001)


def test_a_timing_inside_with_its_own_clock_comes_first():
    """The outer clock stands meanwhile, and goes on afterwards."""
    with virtual() as outer:
        with virtual() as inner:
            time.sleep(5)
        time.sleep(1)
    assert (1, 5) == (outer.now, inner.now)


def test_timings_may_end_in_any_order():
    """The last one to end restores everything."""
    first, second, clock = VirtualTime(), VirtualTime(), VirtualClock(ThreadActivity())
    first.start(clock)
    second.start(clock)
    first.stop()
    time.sleep(5)
    second.stop()
    assert 5 == clock.now


def test_while_the_gate_is_shut_everything_is_real():
    """As often as it was shut it must be opened again."""
    timing, clock = VirtualTime(), VirtualClock(ThreadActivity())
    timing.start(clock)
    try:
        for _ in range(2):
            timing.shut()
        clock.advance(10_000)
        for _ in range(2):
            before = real_time()
            assert abs(time.perf_counter() - before) < 5000
            time.sleep(0.01)
            assert threading.Event().wait(0.01) is False
            assert 0.02 <= real_time() - before
            timing.open()
        time.sleep(60)
        assert (10_060, [60.0]) == (clock.now, clock.slept)
    finally:
        timing.stop()


def test_a_gate_shut_before_the_start_stays_shut():
    """A session that starts in set-up gets its time with the test's call."""
    timing, clock = VirtualTime(), VirtualClock(ThreadActivity())
    timing.shut()
    timing.start(clock)
    time.sleep(0.001)
    assert 0 == clock.now
    timing.open()
    time.sleep(60)
    timing.stop()
    assert 60 == clock.now


def test_threads_started_while_the_gate_is_shut_are_none_of_the_test():
    """A plugin's thread keeps real time when the gate opens."""
    timing, clock, go = VirtualTime(), VirtualClock(ThreadActivity()), queue.SimpleQueue()
    timing.start(clock)
    timing.shut()
    threads = start(lambda: (go.get(), time.sleep(0.01)))
    timing.open()
    go.put(True)
    join(threads)
    timing.stop()
    assert not clock.slept


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("end", ["stop", "shut"])
def test_who_sleeps_when_time_becomesreal_sleeps_the_rest_for_real(end):
    """Neither lost nor hung, in sleeps and in waits."""
    timing, clock, woken, stop = VirtualTime(), VirtualClock(ThreadActivity()), [], []
    timing.start(clock)

    def spin() -> None:
        while not stop:
            pass

    def wait(function, *args):
        return lambda: (function(*args), woken.append(real_time()))

    event = threading.Event()
    spinner = start(spin)
    threads = start(wait(time.sleep, 0.3), wait(threading.Event().wait, 0.4), wait(event.wait))
    while len(clock._waiters) < 3:
        real_sleep(0.001)
    began = real_time()
    getattr(timing, end)()
    stop.append(True)
    join([*spinner, *threads[:2]])
    assert 2 == len(woken)
    assert 0.29 < woken[0] - began < woken[1] - began
    event.set()
    join(threads)
    timing.stop()


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="POSIX fact: a timer signal")
@pytest.mark.parametrize("wait", [lambda: time.sleep(600), lambda: threading.Event().wait(600)])
def test_a_keyboard_interrupt_ends_a_wait(wait):
    """The main thread's wait is interruptible, and leaves the locks as they were."""

    def interrupt(*_args) -> None:
        raise KeyboardInterrupt

    stop = []

    def spin() -> None:
        while not stop:
            pass

    old = signal.signal(signal.SIGALRM, interrupt)
    try:
        with virtual() as clock:
            threads = start(spin)
            signal.setitimer(signal.ITIMER_REAL, 0.1)
            with pytest.raises(KeyboardInterrupt):
                wait()
            assert (0, [], {}) == (clock.now, clock.slept, clock._waiters)
            stop.append(True)
            join(threads)
            time.sleep(60)
            assert 60 == clock.now
    finally:
        signal.signal(signal.SIGALRM, old)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="POSIX fact: a timer signal")
def test_a_signal_handler_may_sleep_while_its_thread_sleeps():
    """The inner sleep ends first; the outer one goes on."""
    inner = []
    old = signal.signal(signal.SIGALRM, lambda *_args: (time.sleep(5), inner.append(True)))
    try:
        with virtual() as clock:
            threads = start(lambda: work(0.3))
            signal.setitimer(signal.ITIMER_REAL, 0.05)
            time.sleep(600)
            join(threads)
            assert [True] == inner
            # 605 if the signal came before the outer sleep began.
            assert clock.now in {600, 605}
    finally:
        signal.signal(signal.SIGALRM, old)


def test_a_real_clock_records_and_waits():
    """`clock="real"`: everything is real, sleeps and expired waits are kept for the retries."""
    clock = RealClock()
    with virtual(clock):
        began = real_time()
        time.sleep(0.01)
        assert threading.Event().wait(0.01) is False
        assert 0.02 <= real_time() - began
        assert time.monotonic not in VirtualTime.exchanges.values()
    assert [0.01, 0.01] == clock.slept
