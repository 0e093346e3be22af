"""One test as the page shows it: its kind, its place in the list, and its body."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pytest_fsfault._report.html.answers import Explanation, answer, unfired
from pytest_fsfault._report.html.axis import span
from pytest_fsfault._report.html.curves import pictures
from pytest_fsfault._report.html.drawing import draw
from pytest_fsfault._report.html.journal import FIRST, LONG, JournalRows, program
from pytest_fsfault._report.html.sweeps import matrices
from pytest_fsfault._report.html.templates import Markup, filled, legible, options, render, shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_KINDS = ("failed", "warn", "passed")
# So many retries, rules and programs are told in a sentence.
_FEW, _WAITS = 4, 6


@dataclass
class View:
    """One test.

    Attributes:
        number: its place in the page, from 0.
        test: its data.
        run: the data of the run.
        kind: `failed`, `warn` or `passed`.
        plain: whether it has nothing to show.

    """

    number: int
    test: Mapping[str, Any]
    run: Mapping[str, Any]
    kind: str
    plain: bool

    @property
    def anchor(self) -> str:
        """The ID of its body."""
        return f"t{self.number}"

    @property
    def file(self) -> str:
        """Its file."""
        return str(self.test["id"].partition("::")[0])

    @property
    def name(self) -> str:
        """Its name in its file."""
        return str(self.test["id"].partition("::")[2] or self.test["id"])

    @property
    def title(self) -> str:
        """Its name, with the last part of its file's."""
        return f"{self.file.rpartition('/')[2]}::{self.name}" if "::" in self.test["id"] else self.name

    @cached_property
    def answer(self) -> Explanation:
        """What it shows."""
        return answer(self.test)

    @cached_property
    def journal(self) -> JournalRows:
        """Its calls."""
        return JournalRows(self.test)

    @property
    def side(self) -> str:
        """How long it took, and how much it did."""
        test = self.test
        parts = [f"{span(test['virtual_end'])} virtual"] if test["virtual_end"] else []
        count = sum(row["applies"] and row["fault"] is not None for row in test["sweeps"])
        parts = [f"{count} trials"] if count else parts
        return " · ".join([*parts, f"{span(test['seconds'])} real"])

    @property
    def words(self) -> str:
        """What the filter looks through beside name and note."""
        errors = dict.fromkeys(
            f"{call['operation']} {call['fault'] or ''} WinError {call['error']['winerror']}"
            for call in self.test["calls"]
            if call["error"]
        )
        holders = dict.fromkeys(str(hold["by"] or hold["scanner"] or "") for hold in self.test["holds"])
        return " ".join([*list(errors)[:_FEW], *list(holders)[:_FEW]])

    def body(self, *, is_open: bool) -> Markup:
        """Return all that is shown of it; `is_open`: it is seen at once."""
        test, journal = self.test, self.journal
        failure = test["failure"]["text"] if test["failure"] else ""
        told = legible(failure.strip()) == str(self.answer.say.striptags())
        drawing = draw(test, self.name, f"{self.anchor}-line", journal.first_of)
        return render(
            "test.jinja",
            answer=self.answer,
            line=test["reproduce"],
            drawing=drawing,
            sweeps=[_with_lines(matrix, test["reproduce"]) for matrix in matrices(test)],
            pictures=[one for one in (pictures(self.run, each) for each in test["tolerances"]) if one],
            journal=journal,
            failure="" if told else failure,
            failure_open=not (test["sweeps"] or drawing),
            count=len(journal.calls),
            long=LONG,
            first=FIRST,
            open=is_open,
            name=self.name,
            number=self.number,
            anchor=self.anchor,
            notes=list(self._notes()),
        )

    def _notes(self) -> Iterator[Markup]:
        yield from _retried(self.test)
        yield from _ruled(self.test)
        yield from _started(self.test)


def _with_lines(matrix: Any, line: str) -> Any:
    """Return a matrix whose groups know the whole line that runs their first trial."""
    groups = [
        group._replace(trials=[{**row, "line": _trial_line(row, line)} for row in group.trials])
        for group in matrix.groups
    ]
    return matrix._replace(groups=groups)


def _trial_line(row: Mapping[str, Any], line: str) -> str:
    """Return the line that runs one trial of a test: that of the test, with the trial before its seed."""
    parts = [part for part in options(line) if not part.startswith("--fsfault-trial")]
    seeds = [part for part in parts if part.startswith("--fsfault-seed")]
    others = [part for part in parts if part not in seeds]
    return " ".join([*others, f"--fsfault-trial {row['id']}", *seeds])


def _retried(test: Mapping[str, Any]) -> Iterator[Markup]:
    again = [retry for retry in test["retries"] if retry["attempts"] > 1]
    if again:
        told = Markup("; ").join(map(_waits, again[:_FEW]))
        rest = f"; and {len(again) - _FEW:,} more files" if len(again) > _FEW else ""
        yield filled("Retried: {}{}.", told, rest)


def _waits(retry: Mapping[str, Any]) -> Markup:
    """Say how often a file was tried, after which waits, and how it ended."""
    waits = Counter(span(wait) for wait in retry["waits"])
    each = [f"{wait} ×{count}" if count > 1 else wait for wait, count in waits.items()]
    told = ", ".join([*each[:_WAITS], *["…"][: len(each) > _WAITS]]) or "none"
    ended = {"ok": "then it succeeded", "failed": "then gave up"}.get(retry["outcome"], "then it ended")
    return filled(
        "<code>{}</code>, {} attempts, waits {}, {}", shown(retry["path"]), retry["attempts"], told, ended
    )


def _ruled(test: Mapping[str, Any]) -> Iterator[Markup]:
    told = [
        filled("<code>{}</code>: {} matched, {} fired", shown(rule["rule"]), rule["matched"], rule["fired"])
        for rule in test["rules"]
    ]
    if told:
        more = f"; and {len(told) - _FEW} more" if len(told) > _FEW else ""
        yield filled("Rules: {}{}.", Markup("; ").join(told[:_FEW]), more)


def _started(test: Mapping[str, Any]) -> Iterator[Markup]:
    if test["processes"]:
        names = Counter(
            program(one["program"]) + (" (native)" if one["native"] else "") for one in test["processes"]
        )
        told = [
            filled("<code>{}</code>{}", shown(name), f" ×{count}" if count > 1 else "")
            for name, count in names.most_common(_FEW)
        ]
        yield filled("Child processes: {}, {}.", len(test["processes"]), Markup(", ").join(told))
    for sentence in test["unreached"][:_FEW]:
        yield shown(sentence)


def views(document: Mapping[str, Any]) -> list[View]:
    """Return the tests in the order of the page: what failed, what warns, what had retries, the others."""
    run = document["run"]
    ranked = []
    for place, test in enumerate(document["tests"]):
        kind = _kind(test)
        plain = kind == "passed" and _is_plain(test)
        missing = bool((test.get("replay") or {}).get("never_came"))
        ranked.append((not missing, _KINDS.index(kind), plain, place, kind, test))
    ranked.sort(key=lambda one: one[:4])
    return [
        View(number, test, run, kind, plain) for number, (_, _, plain, _, kind, test) in enumerate(ranked)
    ]


def _kind(test: Mapping[str, Any]) -> str:
    if test["outcome"] == "failed":
        return "failed"
    swept = any(row["verdicts"] for row in test["sweeps"])
    return "warn" if test["outcome"] != "passed" or unfired(test) or swept else "passed"


def _is_plain(test: Mapping[str, Any]) -> bool:
    told = (test["retries"], test["sweeps"], test["tolerances"], test["holds"])
    return not any(told) and all(call["outcome"] in ("ok", "passed") for call in test["calls"])
