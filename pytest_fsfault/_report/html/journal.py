"""The journal of one test: equal calls in a row become one row, each error is shown once and has a number."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pytest_fsfault._core.language.rows import Row

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

#: From so many rows on, only those in view exist.
LONG = 200
#: So many rows of a long journal can be read without a script.
FIRST = 50
# How a reason tells one call of a schedule from the next, and a moment of a hold from the next.
_STEP = re.compile(r"\d+(\.\d+)?( m?s\b)?")
# Where the paths of an error begin, as Python prints it.
_PATHS = re.compile(r": ['\"].*", re.DOTALL)
_OUTCOMES = {
    "ok": ("ok", "ok"),
    "passed": ("ok", "let through"),
    "raised": ("refused", "refused"),
    "failed": ("itself", "failed by itself"),
    "short": ("refused", "short transfer"),
    "crashed": ("crashed", "crash"),
}


class ErrorText(Row):
    """An error that calls met: its number, how many, and with how many other paths than those in its text."""

    number: int
    text: str
    times: int
    others: int


class JournalRow(Row):
    """One or more equal calls that follow each other; times are virtual seconds."""

    first: int
    last: int
    at: float
    to: float
    times: int
    process: str
    call: str
    path: str
    style: str
    outcome: str
    error: int  # the number of its error, 0 for none
    why: str
    site: str

    @property
    def numbers(self) -> str:
        """The numbers of its calls."""
        return str(self.first) if self.first == self.last else f"{self.first}–{self.last}"

    @property
    def time(self) -> str:
        """When they were made."""
        return f"{self.at:.4f} s" if self.times == 1 else f"{self.at:.4f}–{self.to:.4f} s"

    @property
    def said(self) -> str:
        """What became of them."""
        return f"{self.outcome}, error {self.error}" if self.error else self.outcome


class JournalRows:
    """The rows of a test, and its errors."""

    def __init__(self, test: Mapping[str, Any]) -> None:
        self.calls: Sequence[Mapping[str, Any]] = test["calls"]
        self._names = process_names(test)
        self._kinds: dict[
            tuple[str, str], list[str]
        ] = {}  # the texts of errors that differ in their paths alone
        #: The number of the first call of the row in which each call is.
        self.first_of: dict[int, int] = {}
        self.rows = list(self._folded())
        self.errors = [
            ErrorText(number, texts[0], len(texts), len(set(texts)) - 1)
            for number, texts in enumerate(self._kinds.values(), 1)
        ]

    def _folded(self) -> Iterator[JournalRow]:
        current: JournalRow | None = None
        known: object = None
        for call in self.calls:
            error = self._error(call)
            likeness = (
                call["operation"], call["path"], call["target"], call["outcome"], error, call["process"],
                call["thread"], call["site"], _STEP.sub("", call["reason"]),
            )  # fmt: skip
            if current is not None and likeness == known:
                self.first_of[call["n"]] = current.first
                current = current._replace(last=call["n"], to=call["at"], times=current.times + 1)
                continue
            if current is not None:
                yield current
            current, known = self._row(call, error), likeness
            self.first_of[call["n"]] = call["n"]
        if current is not None:
            yield current

    def _error(self, call: Mapping[str, Any]) -> int:
        """Return the number of a call's error, 0 for none; count it."""
        error = call["error"]
        if error is None:
            return 0
        kind = (error["class"], _PATHS.sub("", error["text"]))
        self._kinds.setdefault(kind, []).append(f"{error['class']}: {_relative(error['text'], call)}")
        return list(self._kinds).index(kind) + 1

    def _row(self, call: Mapping[str, Any], error: int) -> JournalRow:
        style, outcome = _OUTCOMES.get(call["outcome"], ("", call["outcome"]))
        process = call["program"] or self._names.get(call["process"], "")
        return JournalRow(
            call["n"], call["n"], call["at"], call["at"], 1, process, call["operation"], ends(call), style,
            outcome, error, call["reason"], call["site"] or "",
        )  # fmt: skip


def _relative(text: str, call: Mapping[str, Any]) -> str:
    """Return the text of an error with the paths of its call as they are shown elsewhere: relative to the root."""
    for path in (call["path"], call["target"]):
        end = f"/{path}'"
        place = text.find(end) if path else -1
        start = text.rfind("'", 0, place) if place > 0 else -1
        if start >= 0:
            text = f"{text[: start + 1]}{path}'{text[place + len(end) :]}"
    return text


def ends(call: Mapping[str, Any]) -> str:
    """Return the path of a call, and its target."""
    path: str = call["path"]
    return path if call["target"] is None else f"{path} → {call['target']}"


def process_names(test: Mapping[str, Any]) -> dict[int, str]:
    """Return what each process of a test is called: the program's name; that of the tests is pytest."""
    names = {call["process"]: "pytest" for call in test["calls"]}
    for one in test["processes"]:
        if one["pid"] is not None:
            names[one["pid"]] = program(one["program"])
    return names


def program(command: str) -> str:
    """Return the short name of a program: its file without directories, and the script that Python runs."""
    words = command.split()
    files = [re.split(r"[\\/]", word)[-1] for word in words[:4]]
    scripts = [file for file in files[1:] if file.endswith((".py", ".pyc"))]
    return (scripts or files or [""])[0]


class Strings:
    """Texts that many rows share, each once."""

    def __init__(self) -> None:
        self._places: dict[str, int] = {}

    def place(self, text: str) -> int:
        """Return the place of a text in `all`."""
        return self._places.setdefault(text, len(self._places))

    @property
    def all(self) -> list[str]:
        """All texts, in the order of their places."""
        return list(self._places)


def packed(rows: Iterable[JournalRow], strings: Strings) -> list[list[Any]]:
    """Return rows as short lists: `[what, path, at]`, and for more than one call `times`, `to`, `last`.

    `what` is the place in `strings` of all that many rows have in common; the number of a row's first call follows
    where it is not the next one.
    """
    found, following = [], 0
    for row in rows:
        same = f"{row.process}\0{row.call}\0{row.style}\0{row.said}\0{row.why}\0{row.site}"
        entry: list[Any] = [strings.place(same), strings.place(row.path), round(row.at, 4)]
        if row.times > 1 or row.first != following:
            entry += [row.times, round(row.to, 4), row.last]
        if row.first != following:
            entry.append(row.first)
        following = row.last + 1
        found.append(entry)
    return found
