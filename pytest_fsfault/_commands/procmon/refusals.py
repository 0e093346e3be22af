"""What was refused to one process, and who had the files open then: a log read twice, in bounded memory.

The first reading finds the refused calls; the second follows the openings of what they concern, and of nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pytest_fsfault._commands.procmon.calls import call_of
from pytest_fsfault._commands.procmon.details import fields
from pytest_fsfault._commands.procmon.openings import (
    OPERATIONS,
    LoggedOpenings,
    folded,
    is_below,
    is_directory,
)
from pytest_fsfault._commands.procmon.results import REFUSALS
from pytest_fsfault._commands.procmon.times import Axis

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_fsfault._commands.procmon.openings import Deletion, LoggedOpening
    from pytest_fsfault._commands.procmon.progress import Progress
    from pytest_fsfault._commands.procmon.rows import ProcmonLog, Row

_MOST_REFUSALS = 5_000  # different ones; of the others only the number is kept
_MOST_TIMES = 500  # moments of one refusal, for the drawing
_MOST_HOLDERS = 50  # of one refusal
_MOST_NAMES = 10_000  # of processes
_MOST_REMEMBERED = 50_000  # paths
_TICK = 1024  # rows between two looks at the time, so that midnight is not missed

_Key = tuple[str, str, str, str, str]


@dataclass(slots=True, eq=False)
class Refusal:
    """Equal calls of one process that were refused: one operation, path, target and result."""

    first: Row
    target: str
    code: int  # the error of Windows
    moments: list[float] = field(default_factory=list)
    count: int = 0
    last_text: str = ""
    last: float = 0.0
    succeeded: float | None = None
    succeeded_text: str = ""
    directory: bool | None = None
    holders: dict[LoggedOpening, int] = field(
        default_factory=dict
    )  # with how many of the calls each was there for
    deletion: Deletion | None = None

    @property
    def call(self) -> str:
        """The call of Python that meets it, such as ``"os.replace"``; empty for none."""
        return call_of(self.first, self.directory)

    def again(self, moment: float, text: str) -> None:
        """Count one more call."""
        self.count += 1
        self.last, self.last_text = moment, text
        if len(self.moments) < _MOST_TIMES:
            self.moments.append(moment)


@dataclass(slots=True)
class Evidence:
    """What one log says about one process."""

    process: str  # as the log spells it
    rows: int = 0
    first_text: str = ""
    last_text: str = ""
    end: float = 0.0
    names: set[str] = field(default_factory=set)
    others: bool = False  # whether other processes are seen to open files
    calls: int = 0  # refused ones, all of them
    elsewhere: int = 0  # of other paths than asked for
    refusals: list[Refusal] = field(default_factory=list)
    left_out: int = 0  # calls of further refusals than are kept


def read(log: ProcmonLog, process: str, below: str, progress: Progress) -> Evidence:
    """Return what was refused to the processes of this name, on `below` and below it (everywhere if it is empty)."""
    survey = _Survey(process, folded(below))
    for row in progress.over(log):
        survey.show(row)
    evidence = survey.evidence
    evidence.refusals = list(survey.refusals.values())
    if evidence.refusals:
        second = _Second(evidence.refusals)
        for row in progress.over(log):
            second.show(row)
    return evidence


def is_named(process: str, wanted: str) -> bool:
    """Return whether a process has this name; ``.exe`` may be left out, case does not matter."""
    process, wanted = process.lower(), wanted.lower()
    return process in {wanted, f"{wanted}.exe"}


def _key(row: Row, target: str, result: str) -> _Key:
    return row.pid, row.operation, folded(row.path), folded(target), result


def _target(row: Row) -> str:
    return fields(row.detail).get("FileName", "") if "FileName" in row.detail else ""


class _Survey:
    """The first reading: which calls were refused."""

    def __init__(self, process: str, below: str) -> None:
        self.evidence = Evidence(process)
        self.refusals: dict[_Key, Refusal] = {}
        self._wanted, self._below = process, below
        self._named: dict[str, bool] = {}
        self._axis = Axis()

    def show(self, row: Row) -> None:
        """Record one row."""
        evidence = self.evidence
        if not evidence.rows % _TICK:
            self._axis.at(row.time)
        evidence.first_text = evidence.first_text or row.time
        evidence.rows += 1
        evidence.last_text = row.time
        named = self._named.get(row.process)
        if named is None:
            named = self._meet(row.process)
        if not (named or evidence.others) and row.operation == "CreateFile":
            evidence.others = True
        if named and row.result in REFUSALS and not row.operation.startswith("Reg"):
            self._refused(row)

    def _meet(self, process: str) -> bool:
        named = is_named(process, self._wanted)
        if len(self._named) < _MOST_NAMES:
            self._named[process] = named
            self.evidence.names.add(process)
        if named:
            self.evidence.process = process
        return named

    def _refused(self, row: Row) -> None:
        target = _target(row)
        self.evidence.calls += 1
        if self._below and not any(map(self._is_wanted, map(folded, filter(None, (row.path, target))))):
            self.evidence.elsewhere += 1
            return
        key = _key(row, target, row.result)
        if (refusal := self.refusals.get(key)) is None:
            if len(self.refusals) >= _MOST_REFUSALS:
                self.evidence.left_out += 1
                return
            refusal = self.refusals[key] = Refusal(row, target, REFUSALS[row.result])
        refusal.again(self._axis.at(row.time), row.time)

    def _is_wanted(self, path: str) -> bool:
        return path == self._below or is_below(path, self._below)


class _Second:
    """The second reading: who had open what the refused calls concern, and whether they succeeded later."""

    def __init__(self, refusals: list[Refusal]) -> None:
        self._refusals = {_key(each.first, each.target, each.first.result): each for each in refusals}
        self._hopes: dict[_Key, list[Refusal]] = {}  # by the key of the call that would succeed
        self._by_path: dict[str, list[Refusal]] = {}
        for each in refusals:
            self._hopes.setdefault(_key(each.first, each.target, ""), []).append(each)
            for path in filter(None, map(folded, (each.first.path, each.target))):
                self._by_path.setdefault(path, []).append(each)
        self._openings = LoggedOpenings()
        self._axis = Axis()
        self._rows = 0
        self._concerned: dict[str, bool] = {}

    def show(self, row: Row) -> None:
        """Record one row."""
        if not self._rows % _TICK:
            self._axis.at(row.time)
        self._rows += 1
        if row.operation == "Process Exit":
            self._openings.show(row, self._axis.at(row.time))
            return
        concerned = self._concerned.get(row.path)
        if concerned is None:
            concerned = self._look_at(row.path)
        if concerned:
            self._concern(row)

    def _look_at(self, path: str) -> bool:
        """Return whether a path is one that was refused, or lies below one, which then is a directory."""
        name = folded(path)
        concerned = name in self._by_path
        while name := name.rpartition("\\")[0]:
            for refusal in self._by_path.get(name, ()):
                concerned = True
                if folded(refusal.first.path) == name:
                    refusal.directory = True
        if len(self._concerned) >= _MOST_REMEMBERED:
            self._concerned.clear()
        self._concerned[path] = concerned
        return concerned

    def _concern(self, row: Row) -> None:
        moment = self._axis.at(row.time)
        if row.operation == "CreateFile":
            self._learn_kind(row)
        target = _target(row)
        if row.result in REFUSALS:
            refusal = self._refusals.get(_key(row, target, row.result))
            if refusal is not None:
                self._blame(refusal)
        elif row.result == "SUCCESS":
            for refusal in self._hopes.get(_key(row, target, ""), ()):
                if refusal.succeeded is None and moment >= refusal.moments[0]:
                    refusal.succeeded, refusal.succeeded_text = moment, row.time
        if row.operation in OPERATIONS:
            self._openings.show(row, moment)

    def _learn_kind(self, row: Row) -> None:
        path = folded(row.path)
        for refusal in self._by_path.get(path, ()):
            if refusal.directory is None and path == folded(refusal.first.path):
                refusal.directory = is_directory(fields(row.detail))

    def _blame(self, refusal: Refusal) -> None:
        path, target = folded(refusal.first.path), folded(refusal.target)
        there = [*self._without_own(refusal, path), *(self._openings.at(target) if target else ())]
        if refusal.directory is not False:
            there.extend(self._openings.below(path))
        for opening in there:
            if opening in refusal.holders or len(refusal.holders) < _MOST_HOLDERS:
                refusal.holders[opening] = refusal.holders.get(opening, 0) + 1
        if refusal.deletion is None:
            refusal.deletion = self._openings.deletions.get(path) or self._openings.deletions.get(target)

    def _without_own(self, refusal: Refusal, path: str) -> Iterator[LoggedOpening]:
        """Yield what is open at the path, without the handle that the refused call itself goes through."""
        there = list(self._openings.at(path))
        if refusal.first.operation != "CreateFile":
            own = [opening for opening in there if opening.pid == refusal.first.pid]
            if own:
                there.remove(own[-1])
        yield from there
