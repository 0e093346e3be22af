"""Names of files as text: whatever is not seen, or does something else than be seen, is escaped."""

import sys
import unicodedata

import pytest

from pytest_fsfault._core.language.legible import HIDDEN, legible

#: Characters of the category Cf that have a shape of their own: they stand around the digits after them.
VISIBLE = frozenset(
    map(ord, "\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd")
)


def test_nothing_that_is_not_seen_is_left():
    """Control, format and separating characters and surrogates are escaped, but for those that have a shape."""
    unseen = {
        code
        for code in range(sys.maxunicode + 1)
        if unicodedata.category(chr(code)) in {"Cc", "Cf", "Cs", "Zl", "Zp"} and not HIDDEN.match(chr(code))
    }
    assert VISIBLE >= unseen


@pytest.mark.parametrize("name", ["a b", "naïve.txt", "日本語", "\U0001f600", "e\u0301", "\\x1b"])
def test_a_name_that_can_be_read_stays(name):
    """Letters of any script, accents and signs are shown as they are."""
    assert name == legible(name)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("\x1b[31m", r"\x1b[31m"),
        ("a\nb", r"a\nb"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        ("\udcff", r"\udcff"),
        ("\uffff", r"\uffff"),
        ("\u3164", r"\u3164"),
        ("\U000e0041", r"\U000e0041"),
    ],
)
def test_a_name_that_cannot_be_read_is_written_out(name, shown):
    """The escape is that of Python."""
    assert shown == legible(name)
