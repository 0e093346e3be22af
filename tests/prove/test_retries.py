"""What is told of retries: the sleeps between attempts, however many threads wait beside them."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_fsfault._core.engine.journal import Entry
from pytest_fsfault._core.real_clock import Wait
from pytest_fsfault._prove.retries import retries


def attempt(index, at, thread=1):
    """Return the entry of a call that was refused."""
    return Entry(
        index, "os.replace", "/r/a", "/r/b", "EACCES", "a rule", "raised", OSError(13, "denied"), at, thread, 1, "t.py:3"
    )  # fmt: skip


TIMES = st.integers(0, 20).map(float)
WHOM = st.integers(1, 3)


@given(
    st.lists(st.tuples(TIMES, WHOM), min_size=1, max_size=12),
    st.lists(st.tuples(TIMES, TIMES, WHOM, WHOM), max_size=20),
)
def test_a_gap_is_what_the_thread_slept_since_the_attempt_before(attempts, slept):
    """Law: the sum of those waits of the later attempt's thread that began between the two."""
    entries = [attempt(number, at, thread) for number, (at, thread) in enumerate(sorted(attempts))]
    waits = [Wait(at, seconds, thread, process) for at, seconds, thread, process in slept]
    (retry,) = retries(entries, waits, ["/r"])
    expected = [
        math.fsum(
            wait.seconds
            for wait in waits
            if (wait.thread, wait.process) == (after.thread, after.process)
            and before.at <= wait.at < after.at
        )
        for before, after in pairwise(entries)
    ]
    assert expected == list(retry.waits)


class Counting(float):
    """A time that counts how often it is compared."""

    compared = 0

    def __lt__(self, other):
        """Count."""
        Counting.compared += 1
        return float(self) < float(other)

    __hash__ = float.__hash__


@pytest.mark.parametrize("many", [1_000, 4_000])
def test_the_time_that_it_takes_grows_with_the_waits_and_not_with_their_square(many):
    """Threads that contend for a lock wait thousands of times, and the file meets thousands of calls."""
    Counting.compared = 0
    entries = [attempt(number, float(number)) for number in range(many)]
    waits = [Wait(Counting(number), 0.05, 1, 1) for number in range(many)]
    (retry,) = retries(entries, waits, ["/r"])
    assert pytest.approx((many - 1) * 0.05) == retry.total_wait
    assert 50 * many > Counting.compared
