"""Times of day of a log, as Process Monitor writes them in the language of the machine, to one axis."""

from __future__ import annotations

import re

# Hours, minutes and seconds, a fraction of seven digits, and a word for the half of the day before or after it.
# The fraction's mark is a comma in half of the world, the separator of the others a dot in some languages.
_TIME = re.compile(r"([^\d]*?)\s*(\d{1,2})[^\d](\d{1,2})[^\d](\d{1,2})(?:[.,](\d{1,9}))?\s*([^\d]*)\Z")
# Words for the halves of the day, without blanks. Source: Unicode CLDR, dayPeriods am and pm, of the languages
# whose times have twelve hours, and of some whose machines are set so.
_WORDS = (
    "am a.m. vorm. fm öö 午前 上午 오전 sa ص π.μ. πμ ق.ظ ق.ظ. पूर्वाह्न เช้า dop. de. ap.",
    "pm p.m. nachm. em ös 午後 下午 오후 ch م μ.μ. μμ ب.ظ ب.ظ. अपराह्न บ่าย odp. du. ip.",
)
_MORNING = frozenset(_WORDS[0].split())
_EVENING = frozenset(_WORDS[1].split())
_HOUR, _MINUTE, _NOON = 3600.0, 60.0, 12
# A row may be a little older than the one before it, and a log that goes on after midnight far "older".
_DISORDER = 1 * _HOUR


def seconds_of_day(text: str) -> tuple[float, int] | None:
    """Return a time of day in seconds, and after how many hours the count begins anew; None for no time.

    That is 24 hours; 12 for a word in a language unknown here, which leaves open which half of the day it means.
    """
    found = _TIME.match(text.strip())
    if found is None:
        return None
    before, hours, minutes, seconds, fraction, after = found.groups()
    word = "".join((before + after).split()).lower()
    hour, cycle = int(hours), 24
    if word:
        if word in _EVENING or word in _MORNING:
            hour = hour % _NOON + (_NOON if word in _EVENING else 0)
        else:
            hour, cycle = hour % _NOON, 12
    part = int(fraction) / 10 ** len(fraction) if fraction else 0.0
    return hour * _HOUR + int(minutes) * _MINUTE + int(seconds) + part, cycle


class Axis:
    """Puts the times of day of one log on one axis, in seconds since its first day began; midnight does not end it."""

    def __init__(self) -> None:
        self._latest: float | None = None

    def at(self, text: str) -> float:
        """Return when a row happened; one without a readable time, when the row before it did."""
        read = seconds_of_day(text)
        if read is None:
            return self._latest or 0.0
        moment, cycle = read
        if self._latest is not None:
            days, rest = divmod(self._latest - _DISORDER - moment, cycle * _HOUR)
            moment += (days + (rest > 0)) * cycle * _HOUR
        if self._latest is None or moment > self._latest:
            self._latest = moment
        return moment
