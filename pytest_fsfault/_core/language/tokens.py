"""Read words, durations and sizes, and remember where each word stood."""

from __future__ import annotations

import math
import re
from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar

from pytest_fsfault._core.language.deferred import deferred
from pytest_fsfault._core.language.mistakes import FsFaultError, clipped, nearest
from pytest_fsfault._core.language.rows import Row

if TYPE_CHECKING:
    from collections.abc import Callable

# pytest leaves the frames of this module out of tracebacks: they are not the user's.
__tracebackhide__ = True

_T = TypeVar("_T")

# A unit is a fraction of a second, so that reading stays exact until the one division at its end.
_UNITS = {"ms": (1, 1000), "s": (1, 1), "m": (60, 1)}
_SIZES = {"GiB": 1 << 30, "MiB": 1 << 20, "KiB": 1 << 10, "": 1}
# Compiled when they are first needed, which is never for most rules.
_DURATION = r"([0-9]{1,400})(?:\.([0-9]{1,400}))?(ms|s|m)"
_SIZE = r"([0-9]{1,15})(GiB|MiB|KiB|)"
_WORD = deferred(r"\S+")


class RuleSyntaxError(Exception):
    """Say what is wrong and where; `of` makes an `FsFaultError` of it for a whole text."""

    def __init__(self, what: str, column: int, hint: str = "") -> None:
        super().__init__(what, column, hint)
        self.what, self.column, self.hint = what, column, hint

    def __str__(self) -> str:
        return f"{clipped(self.what)} (column {self.column}){clipped(self.hint)}"

    def of(self, kind: str, text: str) -> FsFaultError:
        """Return the error for the user, who wrote `text` as a `kind` such as ``"rule"``."""
        return FsFaultError(f"{kind} {clipped(text)!r}: {self}")


def located(read: Callable[[str], _T], text: str, column: int) -> _T:
    """Return ``read(text)``; the sentence of its `FsFaultError` gets the place, before what to write instead."""
    try:
        return read(text)
    except FsFaultError as error:
        sentence = str(error)
        mark = re.search("[:;] ", sentence)
        place = mark.start() if mark else len(sentence)
        raise RuleSyntaxError(sentence[:place], column, sentence[place:]) from None


class Word(Row):
    """A word and its place, counted from 1."""

    text: str
    column: int


def read_whole(
    text: object, what: str, read: Callable[[Words], _T], rest: Callable[[_T], tuple[str, ...]], examples: str
) -> _T:
    """Return what `read` makes of a text that it reads to its end; `rest` are the words that may still follow.

    Raise FsFaultError, which calls it a `what` and names `examples`, for anything else.
    """
    if not isinstance(text, str):
        raise FsFaultError(f"{text!r} is not a {what}; write {examples}")
    try:
        words = Words(text)
        found = read(words)
        words.finish(*rest(found))
    except RuleSyntaxError as error:
        raise error.of(what, text) from None
    return found


class Words:
    """Walk over the words of a text, which blanks separate."""

    def __init__(self, text: str, start: int = 0) -> None:
        self._text = text
        self._end = max(len(text.rstrip()), start)
        #: The next word, whose text is empty at the end.
        self.next = self._word(start)

    def _word(self, start: int) -> Word:
        found = _WORD.search(self._text, start)
        return Word("", self._end + 1) if found is None else Word(found[0], found.start() + 1)

    def take(self, expected: str) -> Word:
        """Return the next word and go on; at the end say what was `expected`."""
        word = self.next
        if not word.text:
            raise RuleSyntaxError(f"expected {expected}", word.column)
        self._go_on()
        return word

    def accept(self, text: str) -> bool:
        """Go on if the next word is `text`."""
        found = self.next.text == text
        if found:
            self._go_on()
        return found

    def _go_on(self) -> None:
        self.next = self._word(self.next.column - 1 + len(self.next.text))

    def finish(self, *expected: str) -> None:
        """Refuse a word that is left; `expected` are those which might have followed."""
        word = self.next
        if word.text:
            choice = " or ".join([", ".join(map(repr, expected)), "the end"] if expected else ["the end"])
            hint = nearest(word.text, expected) or f"; expected {choice}"
            raise RuleSyntaxError(f"unexpected {word.text!r}", word.column, hint)


def decimal_text(number: float) -> str:
    """Return the shortest text without an exponent that reads back as `number`."""
    texts = (f"{number:.{places}f}" for places in range(1075))
    return next(text for text in texts if float(text) == number)


@lru_cache(maxsize=256)
def duration(text: str) -> float:
    """Return the seconds that `text` names, such as ``"250ms"``, ``"2.5s"`` or ``"1m"``."""
    found = re.fullmatch(_DURATION, text) if isinstance(text, str) else None
    try:
        return _seconds(*found.groups()) if found else _no_duration(text)
    except OverflowError:
        return _no_duration(text)


def _seconds(whole: str, part: str | None, unit: str) -> float:
    times, by = _UNITS[unit]
    digits = part or ""
    seconds: float = int(whole + digits) * times / (by * 10 ** len(digits))
    return seconds


def _no_duration(text: object) -> float:
    raise FsFaultError(
        f"{text!r} is not a valid duration; write a number and its unit, such as '250ms', '2.5s' or '1m'"
    )


def duration_of(name: str, value: object) -> float:
    """Return the seconds of the argument `name`: a duration as text, or a number; raise FsFaultError for neither."""
    if isinstance(value, str):
        return duration(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value >= 0:
        raise FsFaultError(f"{name}={value!r} is not a duration; write one such as '10s', or seconds")
    return float(value)


def duration_text(seconds: float) -> str:
    """Return the text that `duration` reads back as exactly `seconds`."""
    if not 0 <= seconds < math.inf:
        raise FsFaultError(f"{seconds!r} is not a valid duration; it must be a number of seconds from 0 on")
    if seconds >= 60 and seconds % 60 == 0:  # noqa: PLR2004 - a minute
        return f"{int(seconds) // 60}m"
    if seconds >= 1:
        return f"{decimal_text(seconds)}s"
    # The point moves three places in the text: a multiplication would round.
    digits = decimal_text(seconds).partition(".")[2].ljust(3, "0")
    whole, part = digits[:3].lstrip("0") or "0", digits[3:]
    return f"{whole}.{part}ms" if part else f"{whole}ms"


@lru_cache(maxsize=256)
def size(text: str) -> int:
    """Return the bytes that `text` names, such as ``"512"``, ``"4KiB"`` or ``"1MiB"``."""
    found = re.fullmatch(_SIZE, text) if isinstance(text, str) else None
    if found is None:
        raise FsFaultError(
            f"{text!r} is not a valid size; write whole bytes, such as '512', '4KiB' or '1MiB'"
        )
    return int(found[1]) * _SIZES[found[2]]


def size_text(size: int) -> str:
    """Return the text that the function `size` reads back as `size`, in the largest unit that divides it."""
    unit = next((unit for unit, factor in _SIZES.items() if size and size % factor == 0), "")
    return f"{size // _SIZES[unit]}{unit}"
