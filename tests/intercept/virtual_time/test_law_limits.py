"""The law of virtual time beside waits with limits of their own, against made-up threads."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_fsfault._core.activity import LimitedWait
from pytest_fsfault._core.clock import VirtualClock

from .made_up import MS, SECOND, MadeUpActivity, begin, leave


@pytest.fixture
def threads() -> MadeUpActivity:
    """Return threads none of which does anything."""
    return MadeUpActivity()


@pytest.fixture
def clock(threads: MadeUpActivity) -> VirtualClock:
    """Return a clock that asks them."""
    return VirtualClock(threads)


def limited(key: object, left: int) -> LimitedWait:
    """Return a wait that nobody told the clock of."""
    return LimitedWait(key, left, f"thread {key!r}")


def test_a_jump_that_ends_before_the_limit_is_free(clock, threads):
    """A sleep of one second beside a wait of at most two takes no real time, nor does one to the very end."""
    threads.limited = {1: limited("a", 2 * SECOND)}
    clock.sleep(1)
    threads.limited = {1: limited("a", 2 * SECOND - 1)}
    clock.sleep(1)
    assert (2.0, {}) == (clock.now, clock.kept_step)


def test_a_jump_beyond_the_limit_keeps_step_with_real_time(clock, threads):
    """Up to the limit the clock moves as real time does, and says on whose account."""
    threads.limited = {1: limited("a", 2 * SECOND)}
    sleeper = begin(clock, 2, 10)
    assert (0.001, 0.0) == (clock.poll(sleeper), clock.now)
    threads.real += 500 * MS
    threads.limited = {1: limited("a", 1500 * MS)}
    assert (0.001, 0.5) == (clock.poll(sleeper), clock.now)
    assert {"thread 'a'": 500 * MS} == clock.kept_step


def test_at_the_limit_the_clock_stands_until_the_wait_is_over(clock, threads):
    """Jumps have brought the limit nearer, the real wait lasts as long as ever: its end is met exactly."""
    threads.limited = {1: limited("a", 2 * SECOND)}
    clock.sleep(1.5)
    sleeper = begin(clock, 2, 10)
    for passed, shown in ((300, 1.8), (200, 2.0), (1000, 2.0), (499, 2.0)):
        threads.real += passed * MS
        assert (0.001, shown) == (clock.poll(sleeper), clock.now)
    threads.limited = {}
    assert (None, 11.5) == (clock.poll(sleeper), clock.now)


def test_a_new_wait_is_a_new_limit(clock, threads):
    """A thread that waits again has its whole time again, from when that is first seen."""
    threads.limited = {1: limited("a", SECOND)}
    clock.sleep(1)
    threads.limited = {1: limited("b", SECOND)}
    clock.sleep(1)
    sleeper = begin(clock, 2, 5)
    assert (0.001, 2.0) == (clock.poll(sleeper), clock.now)


def test_of_several_limits_the_first_counts(clock, threads):
    """It is named; the others are known from the same instant."""
    threads.limited = {1: limited("late", 3 * SECOND), 2: limited("early", SECOND)}
    sleeper = begin(clock, 3, 10)
    clock.poll(sleeper)
    threads.real += 2 * SECOND
    assert (0.001, 1.0) == (clock.poll(sleeper), clock.now)
    del threads.limited[2]
    assert 0.001 == clock.poll(sleeper)
    threads.real += 3 * SECOND
    assert (0.001, 3.0) == (clock.poll(sleeper), clock.now)
    assert ["thread 'early'", "thread 'late'"] == sorted(clock.kept_step)


def test_whoever_is_known_to_wait_has_no_limit_of_its_own(clock, threads):
    """The slices in which a thread waits for the clock are no limits."""
    threads.limited = {1: limited("slice", MS), 2: limited("slice", MS)}
    early, late = begin(clock, 1, 10), begin(clock, 2, 20)
    clock._waiters.update({1: early, 2: late})
    assert (None, 10.0) == (clock.poll(early), clock.now)


def test_limits_are_asked_for_only_once_nobody_works(clock, threads):
    """A thread that wants the interpreter's lock waits with a limit, too: it is at work."""
    threads.working = {1}
    threads.limits = None
    sleeper = begin(clock, 2, 10)
    assert (0.001, 0.0) == (clock.poll(sleeper), clock.now)


def test_a_notice_that_comes_while_the_limits_are_looked_at_counts(clock, threads):
    """Whoever has been woken works, even if that happened during the last look."""
    woken, sleeper = begin(clock, 1, None), begin(clock, 2, 60)
    threads.limits = lambda waiting: woken.notified or woken.release() or []
    assert (0.001, 0.0) == (clock.poll(sleeper), clock.now)


# Laws

_SPANS = st.integers(1, 20).map(lambda tenths: tenths * 100 * MS)
_THREADS = st.integers(0, 2)
_ACTIONS = st.one_of(
    st.tuples(st.just("real"), st.integers(0, 800 * MS)),
    st.tuples(st.just("limit"), st.tuples(st.integers(10, 12), _SPANS)),
    st.tuples(st.just("sleep"), st.tuples(_THREADS, _SPANS)),
    st.tuples(st.just("look"), _THREADS),
)


class _Scene:
    """Sleepers 0 to 2, and threads 10 to 12 in limited waits; and, kept apart, what the law says of them."""

    def __init__(self) -> None:
        self.threads = MadeUpActivity()
        self.clock = VirtualClock(self.threads)
        self.sleepers = {}
        self.ends = {}  # of limited waits, in real time
        self.barriers = {}  # the same in virtual time, from the first look on
        self.waits = 0

    def real(self, passed: int) -> None:
        self.threads.real += passed
        for thread in [thread for thread, end in self.ends.items() if end <= self.threads.real]:
            self._over(thread)
        self._show()

    def limit(self, thread: int, span: int) -> None:
        self._over(thread)
        self.waits += 1
        self.ends[thread] = self.threads.real + span
        self._show()

    def _over(self, thread: int) -> None:
        self.ends.pop(thread, None)
        self.barriers.pop(thread, None)

    def _show(self) -> None:
        known = {thread: wait.key for thread, wait in self.threads.limited.items() if thread in self.barriers}
        self.threads.limited = {
            thread: limited(known.get(thread, (thread, self.waits)), end - self.threads.real)
            for thread, end in self.ends.items()
        }

    def sleep(self, thread: int, span: int) -> None:
        if thread not in self.sleepers:
            waiter = self.sleepers[thread] = self.clock.waiter(span)
            waiter.thread = thread
            self.clock._waiters[thread] = waiter

    def look(self, thread: int) -> None:
        """Look, and hold what has happened against the law."""
        if thread not in self.sleepers:
            return
        clock, waiter, before = self.clock, self.sleepers[thread], self.clock.now_ns()
        first = waiter is min(self.sleepers.values(), key=lambda one: one.due)
        decides = first and before < waiter.due
        overdue = self.threads.real - waiter.since >= waiter.due - waiter.began + SECOND
        if decides and not overdue:
            for limited_thread, end in self.ends.items():
                self.barriers.setdefault(limited_thread, before + end - self.threads.real)
        barrier = min(self.barriers.values(), default=10**18)
        woken = clock.poll(waiter) is None
        if woken:
            del self.sleepers[thread]
            leave(clock, waiter)
        after = clock.now_ns()
        assert before <= after
        if overdue:
            return
        assert after <= max(before, barrier), "none beyond"
        assert woken == (after >= waiter.due)
        if decides and waiter.due <= barrier:
            assert (True, waiter.due) == (woken, after), "a jump before the limit is free"


@settings(deadline=None)
@given(st.lists(_ACTIONS, max_size=60))
def test_jumps_before_a_limit_are_free_and_none_goes_beyond(actions):
    """Whatever waits in whatever order: an end before all limits is met at once, one behind waits for them."""
    scene = _Scene()
    for verb, value in actions:
        getattr(scene, verb)(*(value if isinstance(value, tuple) else (value,)))


@settings(deadline=None)
@given(st.lists(st.tuples(_SPANS, st.integers(0, 3)), min_size=1, max_size=20))
def test_a_chain_of_limited_waits_is_met_wait_by_wait(waits):
    """A thread that waits again and again has each time its own span, from the instant at which it began."""
    threads = MadeUpActivity()
    clock = VirtualClock(threads)
    sleeper = begin(clock, 1, 10**6)
    for number, (span, looks) in enumerate(waits):
        began, end = clock.now_ns(), threads.real + span
        for _ in range(looks + 1):
            threads.limited = {2: limited(number, max(end - threads.real, 0))}
            assert clock.poll(sleeper) is not None
            assert began <= clock.now_ns() <= began + span
            threads.real += span // 2 or 1
    assert set(clock.kept_step) <= {f"thread {number}" for number in range(len(waits))}
