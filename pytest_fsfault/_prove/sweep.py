"""Sweep: run the code under test again and again, with one fault at each distinct call that can meet it."""

from __future__ import annotations

import threading
from itertools import count
from typing import TYPE_CHECKING, Any

from pytest_fsfault._core.language.mistakes import FsFaultError
from pytest_fsfault._core.language.operations import GROUPS
from pytest_fsfault._prove import failure_report
from pytest_fsfault._prove.injection_points import Recorder, injections, not_applicable
from pytest_fsfault._prove.injection_rules import missed, point_rules
from pytest_fsfault._prove.outcomes import UNMET, TrialRecord
from pytest_fsfault._prove.sweep_results import SweepResults
from pytest_fsfault._prove.trial import Trial
from pytest_fsfault._prove.trial_results import below, not_applicable_data, result_of
from pytest_fsfault._prove.untracked import unseen, untracked

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
    from pathlib import Path
    from types import FrameType

    from pytest_fsfault._core.engine.journal import Entry
    from pytest_fsfault._core.engine.plan import Armed
    from pytest_fsfault._prove.environment import Environment
    from pytest_fsfault._prove.injection_points import Injection, PointRule, RecordedCall
    from pytest_fsfault._prove.outcomes import TrialOutcome
    from pytest_fsfault._prove.sweep_options import SweepOptions
    from pytest_fsfault._prove.tree import Tree
    from pytest_fsfault._prove.trial_results import TrialResult
    from pytest_fsfault._prove.workspace import Workspace

# pytest leaves the frames of this module out of tracebacks: they are not the user's.
__tracebackhide__ = True

#: More trials than these are refused.
CEILING = 10_000
_tokens = count(1)


class Sweep:
    """The trials of one sweep, one after the other, and the verdict at their end."""

    __module__ = "pytest_fsfault"

    def __init__(
        self,
        wanted: SweepOptions,
        workspace: Callable[[], Workspace],
        environment: Environment,
        only: tuple[int, ...],
        rerun: failure_report.RerunCommand,
    ) -> None:
        self._wanted = wanted
        self._make_workspace = workspace
        self._current: TrialRecord | None = None
        self._environment = environment
        self.guarded, self.ignores_case = environment.guarded, environment.ignores_case
        self.on_behalf = environment.on_behalf
        self._only = only
        self._rerun = rerun
        self._run: Generator[Trial] = self._trials()
        self._recorder = self._new_recorder(on=True)
        self._aimed: list[PointRule] = []
        self._armed: list[Armed] = []
        self._retry_if_missed = False
        self._results = SweepResults()
        self._planned = 0
        self._started = False
        self._ran: set[str] = set()
        self._checks = 0
        self._after: Tree | None = None
        self.finished = False

    # What a loop, a session and a trial ask.

    def __iter__(self) -> Iterator[Trial]:
        return self

    def __next__(self) -> Trial:
        current = self._current
        if current is not None and current.state == "inside":
            raise FsFaultError(f"trial {current.id} is still running; the next one begins after its block")
        if not self._started:
            self._environment.must_stand_alone()
        self._started = True
        return next(self._run)

    @property
    def root(self) -> Path:
        """The directory of the tree."""
        return self._workspace.root

    @property
    def expect(self) -> tuple[type[BaseException], ...]:
        """Exceptions that the code under test may make of a fault."""
        return self._wanted.expect

    @property
    def before(self) -> Tree:
        """The old tree."""
        assert self._workspace.before is not None  # noqa: S101  # of the first trial, which has been
        return self._workspace.before

    @property
    def after(self) -> Tree:
        """The new tree."""
        if self._after is None:
            raise FsFaultError("the new tree is not known before the block of the first trial has ended")
        return self._after

    @property
    def running(self) -> bool:
        """Whether the loop is under way."""
        return self._started and not self.finished

    def snapshot(self, path: str | None = None) -> Tree:
        """Return what is at the root now, or at another path."""
        return self._workspace.snapshots.take(path or str(self.root))

    @property
    def evidence(self) -> dict[str, Any]:
        """What the sweep has done, as data: faults are counted by operation and text."""
        return self._results.evidence(self._rerun, self._not_applicable())

    def _not_applicable(self) -> Iterator[dict[str, Any]]:
        """Yield the pairs of a call and a fault that no system gives it."""
        if self._after is None:
            return
        wanted, root = self._wanted, self.root.as_posix()
        for step, point, call, fault in not_applicable(self._recorder.calls, wanted.distinct, wanted.faults):
            yield not_applicable_data(step, point, call, fault, root)

    def current(self) -> tuple[TrialResult, str] | None:
        """Return the trial whose block has ended, and the line that runs it alone, while the loop goes on."""
        record = self._current
        if record is None or record.state != "done" or not self.running:
            return None
        return self._result(record, ""), self._rerun(record.id)

    def first_failure(self) -> tuple[TrialResult, tuple[Entry, ...]] | None:
        """Return the first trial that has failed, or the one at which the loop has ended, with its journal."""
        record = self._current
        first = self._results.first_failure
        if first is None and record is not None and self.current() is not None:
            return self._result(record, ""), record.outcome.entries
        return first

    def finding(self) -> str:
        """Return what a green test must not hide: a loop that was left early."""
        if self.finished:
            return ""
        if not self._started:
            return "a sweep was made and never run: write `for trial in fsfault.sweep(...)`"
        return f"a sweep was left early, after {self._results.count} faulted trial{'s' * (self._results.count != 1)}: let its loop end"

    def close(self) -> None:
        """End a sweep whose loop was left, and remove its trees."""
        self._run.close()

    def abandon(self) -> None:
        """End a sweep that has failed already: that was reported, and needs no finding."""
        self.close()
        self.finished = True

    # The trials.

    def _trials(self) -> Generator[Trial]:
        self._environment.begin()
        self._workspace = self._make_workspace()
        self._environment.watch(self._workspace)
        try:
            yield from self._baseline()
            if not self._wanted_first():
                yield from self._faulted()
        finally:
            self._workspace.close()
            self._environment.end()
        self.finished = True
        self._judge()

    def _wanted_first(self) -> bool:
        return self._only == (0,)

    def _baseline(self) -> Iterator[Trial]:
        yield from self._trial("0", (), [self._recorder])
        failed = self._results.failed
        if failed:
            self.finished = True
            raise AssertionError(failure_report.first_failed(failed[0], self._rerun))
        if not self._recorder.calls:
            self.finished = True
            rule = self._wanted.rule
            raise AssertionError(
                failure_report.tree_untouched(rule.operations, self._environment.strays(rule.names))
            )
        if self._wanted.rule.names >= GROUPS["mutate"]:
            for path in unseen(self.before, self.after, self.root.as_posix(), self._recorder.calls):
                self._environment.escaped(untracked(path))

    def _faulted(self) -> Iterator[Trial]:
        wanted = self._wanted
        found = list(self._injections(self._recorder.calls))
        self._must_be_few(len(found))
        self._planned = len(found) if wanted.limit is None else min(len(found), wanted.limit)
        share, shares = wanted.shard
        for number, injection in enumerate(found, 1):
            mine = number == self._only[0] if self._only else (number - 1) % shares == share - 1
            if mine:
                yield from self._deeper((number,), (injection,))
            if self._is_enough():
                break
        self._must_have_been(len(found))

    def _injections(self, calls: Sequence[RecordedCall]) -> Iterator[Injection]:
        wanted = self._wanted
        return injections(calls, wanted.distinct, wanted.faults, wanted.persist)

    def _deeper(self, numbers: tuple[int, ...], chain: tuple[Injection, ...]) -> Iterator[Trial]:
        """Yield the trial of a chain of faults, then those with one more fault after them."""
        goes_on = len(chain) < self._wanted.depth and chain[-1].fault.kind != "crash"
        recorder = self._new_recorder(on=False) if goes_on else None
        self._environment.progress(
            f"sweep: trial {_written(numbers)} of {self._planned}, {len(self._results.failed)} failed so far"
        )
        yield from self._aimed_trial(_written(numbers), chain, recorder)
        if recorder is None:
            return
        for number, injection in enumerate(self._injections(recorder.calls), 1):
            if self._is_enough():
                return
            self._must_be_few(self._results.count)
            if self._is_asked((*numbers, number)):
                yield from self._deeper((*numbers, number), (*chain, injection))

    def _aimed_trial(
        self, number: str, chain: tuple[Injection, ...], recorder: Recorder | None
    ) -> Iterator[Trial]:
        """Aim by the very paths of the calls, which is quick; if these were others this time, by their order."""
        for by_path in (True, False):
            self._aimed = point_rules(
                chain, recorder, self._wanted.rule, self._environment.stack, self._steady if by_path else None
            )
            self._retry_if_missed = by_path and any(one.rule.path is not None for one in self._aimed)
            yield from self._trial(number, chain, [*filter(None, [recorder]), *reversed(self._aimed)])
            if not (self._retry_if_missed and self._missed()):
                break

    def _missed(self) -> bool:
        return missed(self._aimed)

    def _steady(self, call: RecordedCall) -> bool:
        """Return whether the path of a call is likely to be the same in each run: it is not that of a temporary file."""
        path = below(call.path, self.root.as_posix())
        if call.native:
            return False  # its place says where it is
        return path in self.before or path in self.after

    def _is_asked(self, numbers: tuple[int, ...]) -> bool:
        together = zip(self._only, numbers, strict=False)
        return not self._only or (len(numbers) <= len(self._only) and all(a == b for a, b in together))

    def _is_enough(self) -> bool:
        return self._wanted.limit is not None and self._results.count >= self._wanted.limit

    def _new_recorder(self, *, on: bool) -> Recorder:
        return Recorder(self._wanted.rule, self._environment.stack, on=on)

    def _trial(self, number: str, chain: tuple[Injection, ...], armed: list[Armed]) -> Iterator[Trial]:
        record = self._current = TrialRecord(number, chain, next(_tokens))
        self._armed = armed
        self._environment.renew()
        self._workspace.set()
        yield Trial(self, record)
        self._finish(record)

    def _finish(self, trial: TrialRecord) -> None:
        """Record how a trial went, and put its tree aside."""
        if trial.state == "new":
            self.finished = True
            raise AssertionError(
                f"trial {trial.id} was not run: write `with trial as root:` in the loop, for every trial"
            )
        trial.state = "over"
        self._environment.settle()
        self._results.meet(trial.outcome.injected)
        if trial.injections:
            if self._missed() and self._retry_if_missed:
                self._workspace.clear()
                return
            self._ran.add(trial.id)
            self._checks += trial.checks
            if self._missed():
                trial.wrong.append(UNMET)
        kept = self._workspace.keep(trial.id) if trial.wrong else ""
        self._results.add(self._result(trial, kept), trial.outcome.entries)
        if not trial.wrong:
            self._workspace.clear()

    def _result(self, trial: TrialRecord, kept: str) -> TrialResult:
        trees = (self.before, self._after or self.before)
        return result_of(trial, self.root.as_posix(), trees, trial.tree, kept)

    def enter(self, token: int, frame: FrameType) -> None:
        """Let the faults of a trial act."""
        for armed in self._armed:
            if isinstance(armed, Recorder):
                armed.owner_thread = threading.get_ident()
        self._environment.enter(token, self._armed, frame)

    def leave(self, *, first: bool) -> TrialOutcome:
        """Let them act no more; the `first` trial leaves the new tree."""
        seen = self._environment.leave()
        if first:
            self._after = self.snapshot()
        return seen

    # The verdict.

    def _must_be_few(self, number: int) -> None:
        mine = number // self._wanted.shard[1]
        if self._only or mine <= CEILING or self._wanted.limit is not None:
            return
        self.finished = True
        raise AssertionError(failure_report.too_many(CEILING))

    def _must_have_been(self, known: int) -> None:
        self.finished = True
        if self._only and _written(self._only) not in self._ran:
            raise AssertionError(failure_report.no_such_trial(_written(self._only), known))
        if not known:
            faults = (text for text, _ in self._wanted.faults)
            names = {call.operation for call in self._recorder.calls}
            raise AssertionError(failure_report.nothing_tried(faults, names))
        if self._results.count and not self._checks and not self._results.failed:
            raise AssertionError(failure_report.NOTHING_CHECKED)

    def _judge(self) -> None:
        if self._results.failed:
            raise AssertionError(failure_report.table(self._results.failed, self._results.count, self._rerun))


def _written(numbers: Iterable[int]) -> str:
    return ".".join(map(str, numbers))
