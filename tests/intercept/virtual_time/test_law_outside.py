"""The law of virtual time, beside child processes and other waits on the outside."""

from __future__ import annotations

import pytest

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


def test_beside_a_child_process_a_wait_takes_real_time(clock, threads):
    """The clock moves with it, and when the last child goes the rest is jumped over."""
    threads.child = True
    waiter = begin(clock, 1, 10)
    assert 0.005 == clock.poll(waiter)
    threads.real += 300 * MS
    assert (0.005, 0.3) == (clock.poll(waiter), clock.now)
    threads.child = False
    assert (None, 10.0) == (clock.poll(waiter), clock.now)


def test_beside_a_child_process_the_end_is_met_exactly(clock, threads):
    """The last look comes when it is time, and the clock does not overshoot."""
    threads.child = True
    waiter = begin(clock, 1, 0.012)
    clock.poll(waiter)
    threads.real += 10 * MS
    assert 0.002 == clock.poll(waiter)
    threads.real += 9 * MS
    assert (None, 0.012) == (clock.poll(waiter), clock.now)


def test_real_time_counts_once_for_all_who_wait(clock, threads):
    """Two threads that sleep beside a child process move the clock no faster than one."""
    threads.child = True
    first, second = begin(clock, 1, 1), begin(clock, 2, 2)
    for _ in range(10):
        threads.real += 100 * MS
        looks = clock.poll(first), clock.poll(second)
    assert looks[0] is None
    leave(clock, first)
    assert 1.0 == clock.now
    threads.real += 200 * MS
    clock.poll(second)
    assert 1.2 == clock.now


def test_work_before_a_child_lived_does_not_move_the_clock(clock, threads):
    """Only from the last look on real time counts."""
    threads.working = {1}
    waiter = begin(clock, 2, 10)
    clock.poll(waiter)
    threads.real += 50 * MS
    clock.poll(waiter)
    threads.child = True
    threads.real += 1 * MS
    clock.poll(waiter)
    assert 0.001 == clock.now


def test_a_wait_on_the_outside_moves_the_clock_by_what_it_took(clock, threads):
    """What is waited for outside really takes its time."""

    def receive() -> str:
        threads.real += 300 * MS
        return "data"

    assert "data" == clock.outside(receive)
    assert 0.3 == clock.now


def test_a_failing_wait_on_the_outside_moves_the_clock_too(clock, threads):
    """A timeout takes its time as well."""

    def receive() -> None:
        threads.real += SECOND
        raise TimeoutError

    with pytest.raises(TimeoutError):
        clock.outside(receive)
    assert 1 == clock.now


def test_nested_waits_on_the_outside_count_once(clock, threads):
    """`communicate` calls `wait`: it is one wait."""

    def wait() -> None:
        threads.real += 200 * MS

    clock.outside(lambda: (wait(), clock.outside(wait)))
    assert 0.4 == clock.now


def test_what_is_there_at_once_does_not_move_the_clock(clock, threads):
    """Under a millisecond nothing counts, so that quick calls leave time deterministic."""

    def receive() -> None:
        threads.real += MS - 1

    clock.outside(receive)
    assert 0 == clock.now


def test_a_wait_on_the_outside_never_turns_the_clock_back(clock, threads):
    """Sleepers may have jumped farther meanwhile."""

    def wait() -> None:
        clock.sleep(5)
        threads.real += SECOND

    clock.outside(wait)
    assert 5 == clock.now


def test_a_jump_stops_before_the_end_of_a_wait_outside_that_counts(clock, threads):
    """An event loop keeps real time: nobody jumps over its next timer."""

    def select() -> tuple[float | None, float | None]:
        sleeper = begin(clock, 2, 10)
        first = clock.poll(sleeper)
        threads.real += 200 * MS
        second = clock.poll(sleeper)
        leave(clock, sleeper)
        return first, second

    assert (0.001, 0.001) == clock.outside(select, limit=200 * MS)
    assert 0.2 == clock.now
    clock.sleep(10)
    assert 10.2 == clock.now


def test_a_jump_up_to_the_end_of_a_wait_outside_is_free(clock):
    """Sleepers that are due before it need not wait for it."""
    clock.outside(lambda: clock.sleep(0.1), limit=200 * MS)
    assert 0.1 == clock.now


def test_a_patient_wait_takes_real_time_when_nobody_works(clock, threads):
    """It expects an answer from outside; sleepers that are due before it jump."""
    waiter, sleeper = begin(clock, 1, 2, patient=True), begin(clock, 2, 1)
    clock._waiters[1] = waiter
    assert (None, 1.0) == (clock.poll(sleeper), clock.now)
    leave(clock, sleeper)
    assert 0.001 == clock.poll(waiter)
    threads.real += 600 * MS
    assert (0.001, 1.6) == (clock.poll(waiter), clock.now)


# When the gate shuts


def test_when_the_gate_shuts_sleepers_take_the_rest_for_real(clock, threads):
    """They are rung, count down in real time, and come back under the law when it opens."""
    threads.working = {1}
    waiter = begin(clock, 2, 100)
    clock.poll(waiter)
    threads.real += 500 * MS
    clock.follow_real_time(True)
    assert waiter.lock.acquire(blocking=False)
    assert (100.0, 0.0) == (clock.poll(waiter), clock.now)
    threads.real += 40 * SECOND
    assert (60.0, 40.0) == (clock.poll(waiter), clock.now)
    clock.follow_real_time(False)
    assert waiter.lock.acquire(blocking=False)
    assert 0.001 == clock.poll(waiter)
    threads.working.clear()
    assert (None, 100.0) == (clock.poll(waiter), clock.now)


def test_while_the_gate_is_shut_the_test_still_moves_the_clock(clock):
    """`clock.sleep` in set-up or clean-up takes no real time."""
    clock.follow_real_time(True)
    clock.sleep(3600)
    assert (3600.0, [3600.0]) == (clock.now, clock.slept)
