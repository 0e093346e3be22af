"""Decide when a rule is due, by the number and the time of the calls that it matches."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

from pytest_fsfault._core.language.deferred import deferred
from pytest_fsfault._core.language.frozen import dataclass, field
from pytest_fsfault._core.language.mistakes import nearest
from pytest_fsfault._core.language.rows import Row
from pytest_fsfault._core.language.tokens import (
    RuleSyntaxError,
    Word,
    Words,
    decimal_text,
    duration,
    duration_text,
    located,
    read_whole,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

# pytest leaves the frames of this module out of tracebacks: they are not the user's.
__tracebackhide__ = True

Per = Literal["", "path", "call site"]
Kind = Literal["always", "once", "first", "nth", "from", "range", "every", "percent", "for", "until"]

_EXAMPLES = "'always', 'once', 'first 3', 'nth 4', 'from 2', '2..5', 'every 3', '10%', 'for 2s' or 'until 1m'"
_KEYWORDS = ("always", "once", "first", "nth", "from", "every", "for", "until")
_NUMBER = deferred(r"[0-9]{1,15}")
_MOST_CALLS = 10**30
_PERCENT = deferred(r"[0-9]{1,3}(?:\.[0-9]{1,400})?")


class Term(Row):
    """One condition: numbers from `low` to `high`, multiples of `step`; `amount` is a percentage or seconds."""

    kind: Kind
    low: int = 1
    high: float = math.inf
    step: int = 1
    amount: float = 0.0

    def __str__(self) -> str:
        return _TEXTS[self.kind](self)


_TEXTS: dict[Kind, Callable[[Term], str]] = {
    "always": lambda _: "always",
    "once": lambda _: "once",
    "first": lambda term: f"first {term.high}",
    "nth": lambda term: f"nth {term.low}",
    "from": lambda term: f"from {term.low}",
    "range": lambda term: f"{term.low}..{term.high}",
    "every": lambda term: f"every {term.step}",
    "percent": lambda term: f"{decimal_text(term.amount)}%",
    "for": lambda term: f"for {duration_text(term.amount)}",
    "until": lambda term: f"until {duration_text(term.amount)}",
}


@dataclass(frozen=True)
class Schedule:
    """Conditions that hold together, on one count for each `per`.

    Any conjunction comes down to one interval, one step, one percentage and two ends, kept in the fields
    that the constructor works out.
    """

    terms: tuple[Term, ...] = (Term("always"),)
    per: Per = ""
    low: int = field(init=False, repr=False, compare=False)
    high: float = field(init=False, repr=False, compare=False)
    step: int = field(init=False, repr=False, compare=False)
    percent: float | None = field(init=False, repr=False, compare=False)
    lasts: float = field(init=False, repr=False, compare=False)
    ends: float = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        derived = {
            "low": max(term.low for term in self.terms),
            "high": min(term.high for term in self.terms),
            "step": _common_step(term.step for term in self.terms),
            "percent": self._least("percent", None),
            "lasts": self._least("for", math.inf),
            "ends": self._least("until", math.inf),
        }
        for name, value in derived.items():
            object.__setattr__(self, name, value)

    def _least(self, kind: Kind, default: float | None) -> float | None:
        return min((term.amount for term in self.terms if term.kind == kind), default=default)

    @staticmethod
    def parse(text: str) -> Schedule:
        """Return the schedule that `text` describes, such as ``"from 2 and every 3 per path"``."""
        return read_whole(text, "schedule", read_schedule, may_follow, _EXAMPLES)

    def __str__(self) -> str:
        conditions = " and ".join(map(str, self.terms))
        return f"{conditions} per {self.per}" if self.per else conditions

    def due(self, count: int, since_first: float, since_start: float, draw: Callable[[], float]) -> bool:
        """Tell whether the matching call number `count`, from 1 on, is due.

        `since_first` is the time since the first such call and `since_start` the one since the start, in
        virtual seconds. `draw` gives a number from 0 up to 1; it is asked exactly once where there is a
        percentage, whatever the other conditions say, so that they do not shift later calls' luck.
        """
        lucky = self.percent is None or draw() * 100 < self.percent
        numbered = self.low <= count <= self.high and count % self.step == 0
        return lucky and numbered and since_first < self.lasts and since_start < self.ends

    def place(self, count: int) -> str:
        """Say which of its calls number `count` is, such as ``"call 2 of 3 on this path"``."""
        bounded = any(term.kind == "first" for term in self.terms)
        whose = {"": "", "path": " on this path", "call site": " from this call site"}[self.per]
        return f"call {count}" + (f" of {self.high}" if bounded else "") + whose


def _common_step(steps: Iterable[int]) -> int:
    """Return the least common multiple; beyond any count of calls the way does not matter."""
    common = 1
    for step in steps:
        common = math.lcm(common, step)
        if common > _MOST_CALLS:
            break
    return common


def may_follow(schedule: Schedule) -> tuple[str, ...]:
    """Return the words that may still go on with `schedule`."""
    return () if schedule.per else ("and", "per")


def read_schedule(words: Words) -> Schedule:
    """Read a schedule and leave what follows it."""
    start = words.next.column
    terms = [_read_term(words, f"a schedule such as {_EXAMPLES}")]
    drawn = terms[0].kind == "percent"
    while words.accept("and"):
        column = words.next.column
        term = _read_term(words, f"a schedule such as {_EXAMPLES} after 'and'")
        if term.kind == "percent" and drawn:
            raise RuleSyntaxError(
                "there is a second percentage", column, "; a call is drawn for once, write one"
            )
        drawn |= term.kind == "percent"
        terms.append(term)
    schedule = Schedule(tuple(terms), _read_per(words))
    first = -(-schedule.low // schedule.step) * schedule.step
    if first > schedule.high:
        conditions = " and ".join(map(str, terms))
        raise RuleSyntaxError(
            f"no call is ever due by {conditions!r}", start, "; all conditions hold for one count"
        )
    return schedule


def _read_term(words: Words, expected: str) -> Term:
    word = words.take(expected)
    kind = word.text
    if kind in ("always", "once"):
        return Term("always") if kind == "always" else Term("once", high=1)
    if kind in ("first", "nth", "from", "every"):
        return _counted(kind, _number(words.take(f"a number such as 3 after {kind!r}")))
    if kind in ("for", "until"):
        return _timed(kind, words.take(f"a duration such as '2s' after {kind!r}"))
    if kind.endswith("%"):
        return Term("percent", amount=_percentage(word))
    if ".." in kind:
        return _range(word)
    raise RuleSyntaxError(f"unknown schedule {kind!r}", word.column, _suggest(kind))


def _suggest(kind: str) -> str:
    if _NUMBER.fullmatch(kind):
        return f"; a number alone is none, write 'nth {kind}', 'first {kind}' or '{kind}%'"
    return nearest(kind, _KEYWORDS) or f"; expected {_EXAMPLES}"


def _counted(kind: str, number: int) -> Term:
    terms = {
        "first": Term("first", high=number),
        "nth": Term("nth", low=number, high=number),
        "from": Term("from", low=number),
        "every": Term("every", step=number),
    }
    return terms[kind]


def _timed(kind: str, word: Word) -> Term:
    seconds = located(duration, *word)
    if seconds == 0:
        raise RuleSyntaxError(
            f"no call is ever due {kind} {word.text!r}", word.column, "; write a longer duration"
        )
    return Term("for" if kind == "for" else "until", amount=seconds)


def _range(word: Word) -> Term:
    first, _, last = word.text.partition("..")
    low, high = _number(Word(first, word.column)), _number(Word(last, word.column + len(first) + 2))
    if low > high:
        raise RuleSyntaxError(f"the range {word.text!r} is empty", word.column, f"; write '{high}..{low}'")
    return Term("range", low=low, high=high)


def _number(word: Word) -> int:
    number = int(word.text) if _NUMBER.fullmatch(word.text) else 0
    if number < 1:
        instead = "; write a whole number from 1 on, of at most 15 digits"
        raise RuleSyntaxError(f"{word.text!r} is not a valid number of calls", word.column, instead)
    return number


def _percentage(word: Word) -> float:
    number = float(word.text[:-1]) if _PERCENT.fullmatch(word.text[:-1]) else 0.0
    if not 0 < number <= 100:  # noqa: PLR2004 - all calls
        raise RuleSyntaxError(
            f"{word.text!r} is not a valid percentage",
            word.column,
            "; write one above 0 and up to 100, such as '10%'",
        )
    return number


def _read_per(words: Words) -> Per:
    if not words.accept("per"):
        return ""
    word = words.take("'path' or 'call site' after 'per'")
    if word.text == "path":
        return "path"
    if word.text == "call" and words.accept("site"):
        return "call site"
    hint = nearest(word.text, ("path", "call site")) or "; expected 'path' or 'call site'"
    raise RuleSyntaxError(f"unknown {word.text!r} after 'per'", word.column, hint)
