"""The law of virtual time, alone and among threads, against made-up threads."""

from __future__ import annotations

import math
import os
import threading
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_fsfault._core.clock import RealClock, VirtualClock, Wait
from pytest_fsfault._core.language.mistakes import FsFaultError

from .made_up import SECOND, MadeUpActivity, begin, leave

if TYPE_CHECKING:
    from pytest_fsfault._core.waiter import Waiter


@pytest.fixture
def threads() -> MadeUpActivity:
    """Return threads none of which does anything."""
    return MadeUpActivity()


@pytest.fixture
def clock(threads: MadeUpActivity) -> VirtualClock:
    """Return a clock that asks them."""
    return VirtualClock(threads)


# Alone


def test_alone_a_sleep_returns_at_once_and_adds_up_exactly(clock):
    """Four quarters of a second are one second, to the nanosecond."""
    for _ in range(4):
        clock.sleep(0.25)
    assert 1.0 == clock.now
    assert [0.25, 0.25, 0.25, 0.25] == clock.slept


def test_a_wait_is_recorded_with_its_beginning_and_thread(clock):
    """`waits` tells when each wait began, how long it was, and whose it was."""
    clock.sleep(2)
    clock.advance(1)
    clock.sleep(0.5)
    here = threading.get_ident()
    assert [Wait(0.0, 2.0, here, os.getpid()), Wait(3.0, 0.5, here, os.getpid())] == clock.waits


def test_a_sleep_of_nothing_is_recorded_and_takes_no_time(clock):
    """`sleep(0)` lets others run, no more."""
    clock.sleep(0)
    assert (0.0, [0.0]) == (clock.now, clock.slept)


def test_the_shortest_sleep_takes_a_nanosecond(clock):
    """What is asked for is never rounded to nothing, so that a loop of it ends."""
    clock.sleep(1e-12)
    assert 1e-9 == clock.now


def test_an_operation_costs_100_microseconds_and_a_reading_1(clock):
    """A busy loop ends, since whatever it does costs time; asking `now` costs nothing."""
    clock.operations = lambda: 3
    assert [301_000, 302_000] == [clock.reading(), clock.reading()]
    assert [0.000302, 0.000302] == [clock.now, clock.now]


def test_an_operation_during_a_wait_brings_its_end_nearer(clock, threads):
    """The cost of what others do counts for those who wait."""
    threads.working = {1}
    waiter = begin(clock, 2, 0.001)
    assert clock.poll(waiter) is not None
    clock.operations = lambda: 10
    assert clock.poll(waiter) is None


def test_advance_moves_the_clock_and_wakes_whoever_is_due(clock, threads):
    """`advance` goes over work, too: it is the test that asks."""
    threads.working = {1}
    early, late = begin(clock, 2, 1), begin(clock, 3, 3)
    assert None not in (clock.poll(early), clock.poll(late))
    clock.advance(2)
    assert early.lock.acquire(blocking=False)
    assert clock.poll(early) is None
    assert clock.poll(late) is not None
    assert not clock.slept


@pytest.mark.parametrize("verb", ["sleep", "advance"])
@pytest.mark.parametrize(
    ("seconds", "why"),
    [
        (-1, "the clock never runs backwards"),
        (-0.001, "the clock never runs backwards"),
        (math.nan, "seconds are a number"),
        ("1s", "seconds are a number"),
        (None, "seconds are a number"),
        (math.inf, "time ends after 292 years"),
        (10**30, "time ends after 292 years"),
    ],
)
@pytest.mark.parametrize("kind", ["virtual", "real"])
def test_invalid_seconds_are_refused(kind, verb, seconds, why, threads):
    """One sentence says what was written, why it is not valid, and what to write; nothing has changed."""
    clock = VirtualClock(threads) if kind == "virtual" else RealClock()
    with pytest.raises(FsFaultError) as caught:
        getattr(clock, verb)(seconds)
    expected = f"clock.{verb}({seconds!r}) is not valid, since {why}; write seconds from 0 up, such as clock.{verb}(0.25)"
    assert expected == str(caught.value)
    assert not clock.slept


def test_once_the_code_is_ended_each_wait_raises(clock):
    """A simulated crash is raised again at every later wait, and the wait does not happen."""

    def end() -> None:
        raise KeyboardInterrupt

    clock.raise_if_ended = end
    for wait in (lambda: clock.sleep(1), lambda: clock.outside(lambda: None)):
        with pytest.raises(KeyboardInterrupt):
            wait()
    assert (0.0, []) == (clock.now, clock.slept)


# With other threads


def test_the_clock_stands_still_while_a_thread_works(clock, threads):
    """A sleeper looks every millisecond and wakes once the other has stopped."""
    threads.working = {1}
    waiter = begin(clock, 2, 60)
    assert [0.001, 0.001] == [clock.poll(waiter), clock.poll(waiter)]
    assert 0 == clock.now
    threads.working.clear()
    assert clock.poll(waiter) is None
    assert 60 == clock.now


def test_a_thread_in_a_wait_of_its_own_does_not_hold_the_clock(clock, threads):
    """Limited or not, a wait that the clock knows is no work."""
    threads.working = {1, 2, 3}
    begin(clock, 1, None)
    longer, shorter = begin(clock, 2, 9), begin(clock, 3, 2)
    assert 0.001 == clock.poll(longer)
    assert clock.poll(shorter) is None
    assert 2 == clock.now


def test_whoever_was_notified_counts_as_working_before_he_wakes(clock, threads):
    """Between the notice and the first step of the woken thread the clock does not jump."""
    woken = begin(clock, 1, None)
    sleeper = begin(clock, 2, 60)
    woken.release()
    assert 0.001 == clock.poll(sleeper)
    leave(clock, woken)
    assert clock.poll(sleeper) is None


def test_a_notice_that_comes_while_the_threads_are_looked_at_counts(clock, threads):
    """The look takes time; what happens meanwhile is not missed."""
    woken = begin(clock, 1, None)
    sleeper = begin(clock, 2, 60)
    threads.at_work = lambda waiting, since: woken.notified or woken.release() or False
    assert 0.001 == clock.poll(sleeper)


def test_a_second_notice_is_refused_as_by_a_lock(clock):
    """`Condition.notify` expects RuntimeError then, and goes on to the next waiter."""
    waiter = begin(clock, 1, None)
    waiter.release()
    with pytest.raises(RuntimeError, match="release unlocked lock"):
        waiter.release()
    assert waiter.lock.acquire(blocking=False)


def test_a_notified_waiter_returns_before_its_time(clock):
    """The clock does not move for it."""
    waiter = clock.waiter(60 * SECOND)
    waiter.release()
    assert clock.wait(waiter) is True
    assert (0.0, []) == (clock.now, clock.slept)


def test_threads_that_sleep_the_same_second_sleep_it_together(clock, threads):
    """Eight sleeps of one second in eight threads take one second."""
    threads.working = set(range(8))
    waiters = [begin(clock, thread, 1) for thread in range(8)]
    looks = [clock.poll(waiter) for waiter in waiters[1:]]
    assert [0.001, *[0.25] * 6] == looks
    assert 0.001 == clock.poll(waiters[1])
    assert clock.poll(waiters[0]) is not None
    assert clock.poll(waiters[1]) is None
    assert all(clock.poll(waiter) is None for waiter in waiters)
    assert 1 == clock.now


def test_each_sleeper_has_its_turn_before_the_clock_goes_on(clock, threads):
    """Whoever has woken works, until it waits again."""
    threads.working = {1, 2}
    first, second = begin(clock, 1, 1), begin(clock, 2, 2)
    assert clock.poll(second) is not None
    assert clock.poll(first) is None
    leave(clock, first)
    assert (0.001, 1.0) == (clock.poll(second), clock.now)
    again = begin(clock, 1, 0.5)
    assert (None, 1.5) == (clock.poll(again), clock.now)
    leave(clock, again)
    threads.working.remove(1)
    assert (None, 2.0) == (clock.poll(second), clock.now)


def test_who_leaves_rings_the_next(clock, threads):
    """The next sleeper in order looks at once, not at its leisure."""
    threads.working = {3}
    second = begin(clock, 1, 2)
    assert clock.poll(second) is not None
    threads.working.clear()
    clock.sleep(1)
    assert second.lock.acquire(blocking=False)


def test_an_interrupted_sleep_leaves_nothing_behind(clock, threads, monkeypatch):
    """A KeyboardInterrupt goes up; the wait is neither recorded nor in the way of others."""
    monkeypatch.setattr(threads, "at_work", lambda waiting, since: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        clock.sleep(1)
    assert (0.0, [], {}) == (clock.now, clock.slept, clock._waiters)


def test_nobody_waits_a_second_longer_than_for_real(clock, threads):
    """A thread that spins without ever waiting cannot hang the others."""
    threads.working = {1}
    waiter = begin(clock, 2, 3)
    threads.real += 4 * SECOND - 1
    assert (0.001, 0.0) == (clock.poll(waiter), clock.now)
    threads.real += 1
    assert (None, 3.0) == (clock.poll(waiter), clock.now)


# Laws

_SPANS = st.integers(0, 10**12)


@settings(deadline=None)
@given(st.lists(_SPANS, min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_sleepers_wake_in_the_order_of_their_time(spans, random):
    """Whoever looks when, each wakes when the clock shows its end, one after the other."""
    clock = VirtualClock(MadeUpActivity())
    waiters = [clock.waiter(span) for span in spans]
    for thread, waiter in enumerate(waiters):
        waiter.thread = thread
        clock._waiters[thread] = waiter
    woken = []
    while waiters:
        waiter = random.choice(waiters)
        if clock.poll(waiter) is None:
            woken.append((waiter.due, clock.now_ns()))
            waiters.remove(waiter)
            leave(clock, waiter)
    assert [(span, span) for span in sorted(spans)] == woken


_ACTIONS = st.one_of(
    st.tuples(st.just("real"), st.integers(0, 10**10)),
    st.tuples(st.just("work"), st.integers(0, 3)),
    st.tuples(st.just("rest"), st.integers(0, 3)),
    st.tuples(st.just("child"), st.integers(0, 1)),
    st.tuples(st.just("look"), st.integers(0, 3)),
    st.tuples(st.just("sleep"), st.tuples(st.integers(0, 3), _SPANS)),
)


@settings(deadline=None)
@given(st.lists(_ACTIONS, max_size=60))
def test_the_clock_never_runs_ahead_of_a_sleeper_nor_jumps_over_work(actions):
    """Whatever happens in whatever order, no look moves the clock beyond the earliest end."""
    threads = MadeUpActivity()
    clock = VirtualClock(threads)
    waiters: dict[int, Waiter] = {}
    for verb, value in actions:
        before = clock.now_ns()
        if verb == "real":
            threads.real += value
        elif verb == "work":
            threads.working.add(value)
        elif verb == "rest":
            threads.working.discard(value)
        elif verb == "child":
            threads.child = bool(value)
        elif verb == "sleep" and value[0] not in waiters:
            waiter = waiters[value[0]] = clock.waiter(value[1])
            waiter.thread = value[0]
            clock._waiters[value[0]] = waiter
        elif verb == "look" and value in waiters:
            waiter = waiters[value]
            overdue = threads.real - waiter.since >= waiter.due - waiter.began + SECOND
            earliest = min(other.due for other in waiters.values())
            busy = threads.working - set(waiters)
            if clock.poll(waiter) is None:
                del waiters[value]
                leave(clock, waiter)
            after = clock.now_ns()
            assert after <= max(before, earliest) or overdue
            assert after == before or not busy or threads.child or overdue
        assert before <= clock.now_ns()


# Real time


def test_a_real_clock_waits_and_records():
    """`clock="real"` has the same surface; its sleeps take their time."""
    clock = RealClock()
    clock.sleep(0.01)
    clock.advance(0.01)
    assert clock.now >= 0.02
    assert [0.01] == clock.slept
    assert threading.get_ident() == clock.waits[0].thread
