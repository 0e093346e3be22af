"""Times of day in the languages that Process Monitor runs in, on one axis."""

from __future__ import annotations

import pytest

from pytest_fsfault._commands.procmon.times import Axis, seconds_of_day

NOON = 12 * 3600


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7:19:37.0147934 AM", 26377.0147934),
        ("12:00:00.0000000 AM", 0),
        ("12:00:00.0000000 PM", NOON),
        ("11:59:59.9999999 PM", 86399.9999999),
        ("19:19:37,0147934", 69577.0147934),
        ("0:00:00", 0),
        ("3:14:15,5 nachm.", NOON + 11655.5),
        ("3:14:15.5 p. m.", NOON + 11655.5),
        ("3:14:15.5 a.\u202fm.", 11655.5),
        ("午後 3:14:15.5", NOON + 11655.5),
        ("下午 12:00:01.0", NOON + 1),
        ("오전 12:00:01.0", 1),
        ("3:14:15.5 μ.μ.", NOON + 11655.5),
        ("3.14.15,5 ip.", NOON + 11655.5),
        ("\u0663:\u0661\u0664:\u0661\u0665.\u0665 \u0645", NOON + 11655.5),
    ],
)
def test_a_time_is_read(text, seconds):
    """Hours by 24 or by 12, decimal points or commas, the word before or after."""
    found = seconds_of_day(text)
    assert (pytest.approx(seconds, abs=1e-6), 24) == found


def test_an_unknown_word_leaves_the_half_of_the_day_open():
    """Differences are right all the same."""
    assert (11655.0, 12) == seconds_of_day("3:14:15 xyz")


@pytest.mark.parametrize("text", ["", "soon", "7:19", "1/2/2020"])
def test_no_time(text):
    """What is no time of day is none."""
    assert seconds_of_day(text) is None


@pytest.mark.parametrize(
    ("texts", "moments"),
    [
        (["23:59:59", "0:00:01", "0:00:02"], [86399, 86401, 86402]),
        (["11:59:59 PM", "12:00:01 AM"], [86399, 86401]),
        (["11:59:59 xx", "12:00:01 yy"], [43199, 43201]),
        (["10:00:01", "10:00:00", "10:00:02"], [36001, 36000, 36002]),
        (["0:00:01", "23:59:59"], [1, -1]),
        (["23:59:59", "0:00:01", "23:59:59"], [86399, 86401, 86399]),
        (["8:00:00", "?", "9:00:00"], [28800, 28800, 32400]),
        (["23:00:00", "22:30:00", "1:00:00", "23:00:00", "1:00:00"], [82800, 81000, 90000, 169200, 176400]),
    ],
)
def test_midnight_wraps(texts, moments):
    """The axis goes on after midnight; a row that is a little older than the one before it stays so."""
    axis = Axis()
    assert moments == [axis.at(text) for text in texts]
