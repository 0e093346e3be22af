"""Calls that no rule concerned are counted, one by one or many at once."""

import sys
from threading import RLock, Thread

import pytest

from pytest_fsfault._core.engine.counts import CallCounts


def test_single_calls_and_many_keep_their_order():
    """The last eight paths are those of the last eight calls, however they were counted."""
    counts = CallCounts(RLock())
    for number in range(6):
        counts.count_one("os.remove", f"one {number}")
    counts.count("os.remove", 4, ["many 0", "many 1"])
    counts.count_one("os.remove", "last")
    counts.count_one("os.mkdir", "other")
    assert {"os.remove": 11, "os.mkdir": 1} == {name: one.count for name, one in counts.tallies.items()}
    expected = ["one 1", "one 2", "one 3", "one 4", "one 5", "many 0", "many 1", "last"]
    assert expected == [*counts.tallies["os.remove"].paths]
    assert 12 == counts.total


def test_single_calls_do_not_wait_in_any_number():
    """What nobody looks at is taken in after a while, so that no list grows with the calls of a test."""
    counts = CallCounts(RLock())
    for number in range(10_000):
        counts.count_one("os.remove", str(number))
        assert len(counts._waiting) <= 256
    assert 10_000 == counts.total


def test_single_calls_of_several_threads_are_all_counted():
    """While another thread looks as well."""
    counts = CallCounts(RLock())
    threads = [
        Thread(target=lambda: [counts.count_one("os.remove", "a") for _ in range(2_000)]) for _ in range(4)
    ]
    for one in threads:
        one.start()
    while any(one.is_alive() for one in threads):
        assert counts.total <= 8_000
    assert 8_000 == counts.total == counts.tallies["os.remove"].count


@pytest.mark.parametrize("step", range(16))
def test_a_look_amid_a_look_takes_in_what_waits(step):
    """A finaliser, a signal handler or a fork between any two steps of a look may look itself."""
    counts, left = CallCounts(RLock()), [step]

    def trace(_frame, _event, _argument):
        left[0] -= 1
        if left[0] == -1:
            assert counts.total in (0, 1)
        return trace

    counts.count_one("os.stat", "/r/a")
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        total = counts.total
    finally:
        sys.settrace(before)
    assert 1 == total
