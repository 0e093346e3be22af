"""Schedules: which of the matching calls are due."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_fsfault._core.language.mistakes import FsFaultError
from pytest_fsfault._core.language.schedules import Schedule


def never():
    """Fail where no draw may be made."""
    raise AssertionError("a schedule without a percentage drew")


@pytest.mark.parametrize(
    ("text", "due"),
    [
        ("always", [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]),
        ("once", [1]),
        ("first 3", [1, 2, 3]),
        ("nth 4", [4]),
        ("from 10", [10, 11, 12]),
        ("2..4", [2, 3, 4]),
        ("5..5", [5]),
        ("every 3", [3, 6, 9, 12]),
        ("every 1 and first 2", [1, 2]),
        ("from 2 and every 3", [3, 6, 9, 12]),
        ("from 4 and every 3 and first 11", [6, 9]),
        ("every 2 and every 3", [6, 12]),
        ("first 8 and first 2 and from 2", [2]),
        ("always and nth 3 per path", [3]),
    ],
)
def test_a_schedule_counts_matching_calls(text, due):
    """Conditions hold together, on one count that starts at 1."""
    schedule = Schedule.parse(text)
    assert due == [count for count in range(1, 13) if schedule.due(count, 0.0, 0.0, never)]


@pytest.mark.parametrize(
    ("text", "since_first", "since_start", "expected"),
    [
        ("for 2s", 0.0, 100.0, True),
        ("for 2s", 1.999, 100.0, True),
        ("for 2s", 2.0, 100.0, False),
        ("until 2s", 0.0, 1.999, True),
        ("until 2s", 0.0, 2.0, False),
        ("for 2s and for 1s", 1.5, 0.0, False),
        ("until 1m and until 2s", 0.0, 3.0, False),
        ("for 2s and until 5s", 1.0, 4.0, True),
        ("for 2s and until 5s", 3.0, 4.0, False),
        ("for 2s and from 2", 1.0, 1.0, False),
    ],
)
def test_a_schedule_ends_in_time(text, since_first, since_start, expected):
    """`for` runs from the first match, `until` from the start; at its end it is over."""
    assert expected == Schedule.parse(text).due(1, since_first, since_start, never)


@pytest.mark.parametrize(
    ("text", "drawn", "expected"),
    [
        ("10%", 0.0, True),
        ("10%", 0.0999, True),
        ("10%", 0.1, False),
        ("0.5%", 0.004, True),
        ("0.5%", 0.006, False),
        ("100%", 1 - 2**-53, True),
    ],
)
def test_a_percentage_is_the_share_of_draws(text, drawn, expected):
    """A draw from 0 up to 1 is due below the percentage."""
    assert expected == Schedule.parse(text).due(1, 0.0, 0.0, lambda: drawn)


@pytest.mark.parametrize("text", ["10%", "nth 7 and 10%", "10% and until 1ms", "every 9 and for 1ms and 10%"])
def test_each_call_draws_once_whatever_the_other_conditions_say(text):
    """A condition more must not shift the luck of later calls."""
    draws = []
    for count in range(1, 6):
        Schedule.parse(text).due(count, 1.0, 1.0, lambda: draws.append(0.5) or 0.5)
    assert [0.5] * 5 == draws


numbers = st.integers(1, 9)
terms = st.one_of(
    st.sampled_from([("always", lambda _: True), ("once", lambda count: count == 1)]),
    st.builds(lambda n: (f"first {n}", lambda count: count <= n), numbers),
    st.builds(lambda n: (f"nth {n}", lambda count: count == n), numbers),
    st.builds(lambda n: (f"from {n}", lambda count: count >= n), numbers),
    st.builds(lambda n: (f"every {n}", lambda count: count % n == 0), numbers),
    st.builds(lambda n, m: (f"{n}..{n + m}", lambda count: n <= count <= n + m), numbers, numbers),
)


@settings(deadline=None)
@given(st.lists(terms, min_size=1, max_size=4))
def test_conditions_hold_together_or_are_refused(terms):
    """A schedule is due where each of its conditions is; one that is never due is a mistake."""
    text = " and ".join(written for written, _ in terms)
    # Intervals end by 18, and steps up to 9 meet again after their least common multiple.
    horizon = 18 + math.lcm(*range(1, 10))
    due = [count for count in range(1, horizon) if all(holds(count) for _, holds in terms)]
    if due:
        schedule = Schedule.parse(text)
        assert due == [count for count in range(1, horizon) if schedule.due(count, 0.0, 0.0, never)]
    else:
        with pytest.raises(FsFaultError, match="no call is ever due by"):
            Schedule.parse(text)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("always", "call 2"),
        ("first 3", "call 2 of 3"),
        ("from 2 and first 9 and first 8", "call 2 of 8"),
        ("first 3 per path", "call 2 of 3 on this path"),
        ("nth 2 per call site", "call 2 from this call site"),
    ],
)
def test_a_schedule_says_which_call_it_was(text, place):
    """The journal tells the number of the call, and whose count it is."""
    assert place == Schedule.parse(text).place(2)
