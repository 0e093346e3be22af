"""Hold what one session knows: its rules, its model, its journal, and what has become of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

import pytest_fsfault._core.engine.refusals
import pytest_fsfault._core.language.legible  # noqa: F401  # before a program forbids imports, as `pip install` does
from pytest_fsfault._core.engine.counts import CallCounts, ends_text
from pytest_fsfault._core.engine.endings import RetryStorm, SimulatedCrash
from pytest_fsfault._core.engine.interfaces import Answer, Answered, Ruling
from pytest_fsfault._core.engine.journal import Journal
from pytest_fsfault._core.engine.plan import Plan
from pytest_fsfault._core.engine.records import Handling
from pytest_fsfault._core.language.operations import GROUPS
from pytest_fsfault._core.language.random_names import without_luck
from pytest_fsfault._core.locks import known_lock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pytest_fsfault._core.engine.counts import Tally
    from pytest_fsfault._core.engine.guard import Guard
    from pytest_fsfault._core.engine.interfaces import ClockView, SystemModel
    from pytest_fsfault._core.engine.numbering import CallNumbers
    from pytest_fsfault._core.engine.plan import Armed
    from pytest_fsfault._core.engine.records import Decision, Outcome
    from pytest_fsfault._core.engine.replay import Replay
    from pytest_fsfault._core.language.operations import Operation

# pytest leaves the frames of this module out of tracebacks: they are not the user's.
__tracebackhide__ = True

# A loop that meets an injected error this often, on one path and without success, makes no progress.
STORM = 10_000


def nothing() -> None:
    """Do nothing."""


def _as_cpython(_winerror: int | None, number: int) -> int:
    return number


class Engine:
    """The rules, the model, the clock and the journal of one session.

    `roots` are absolute and normalised. While `gate` is shut the session neither decides nor records.
    """

    def __init__(
        self,
        clock: ClockView,
        roots: Iterable[str],
        *,
        observing: bool = False,
        children: bool = True,
        ignore_case: bool = False,
    ) -> None:
        self.clock = clock
        self.roots = tuple(roots)
        # As the user wrote them, None for the default: on a fake file system they are read anew.
        self.named: tuple[str, ...] | None = self.roots
        # Called with a fake file system when it takes effect, and with None at its end.
        self.on_filesystem_change: Callable[[object], object] = _ignore
        self.records_all = observing
        self.numbers: CallNumbers | None = None  # numbers all calls, so that another run knows them again
        self.replay: Replay | None = None  # decides in the place of rules and model
        self.proving = False  # whether a trial runs, whose calls are its own affair
        self.children = children  # whether child processes are under it as well
        self.native = children  # whether native programs are, too, where that is possible
        self.unix_errno: Callable[[int | None, int], int] = _as_cpython  # of winerror and errno
        self.guard: Guard | None = None  # refuses changes outside the roots
        self.gate = False
        self.ticking = False  # whether the clock runs for the code under test
        self.plan = Plan(ignore_case=ignore_case)
        self.model: SystemModel | None = None  # asked after all rules
        self._refused: set[tuple[str, str, frozenset[str]]] = set()  # calls that the model has refused
        self.journal = Journal()
        self.ended: BaseException | None = None
        self.on_end: Callable[[], object] = nothing
        self.on_ignored: Callable[[], None] = nothing  # each time that what has ended it is raised again
        self.escapes: list[str] = []
        self.trial = 0  # the trial of a sweep whose faults these are
        self.sorts = False  # whether directories are listed in the order of their names
        self._storms: dict[tuple[str, str], int] = {}
        # One for all: a garbage collection amid a call may close a file, and that call takes it again.
        self._lock = known_lock()
        self._counts = CallCounts(self._lock)
        self._below: tuple[tuple[str, ...], tuple[str, ...]] = (), ()  # roots, and how paths below them begin

    def begin(self, trial: int, armed: Iterable[Armed]) -> None:
        """Begin a trial: with these rules and nothing remembered; what ended an earlier one stays ended."""
        self.trial = trial
        self.plan = Plan(ignore_case=self.plan.ignore_case)
        for one in armed:
            self.plan.add(one)
        self.journal = Journal()
        self.escapes = []
        self._counts = CallCounts(self._lock)
        self.reset()

    def forget_model(self) -> None:
        """Forget the model, which knows us, at the end: both are gone then without a garbage collection."""
        self.model, self.on_filesystem_change = None, _ignore

    def reset(self) -> None:
        """Forget what was refused so far: the tree that it was about is gone."""
        self._refused.clear()
        self._storms.clear()

    @property
    def observing(self) -> bool:
        """Whether every call below the roots is asked about."""
        return self.records_all or self.numbers is not None

    @property
    def tallies(self) -> dict[str, Tally]:
        """Calls below the roots by operation, whether or not a rule concerned them."""
        return self._counts.tallies

    @property
    def counted(self) -> int:
        """How many calls there were below the roots, of all operations."""
        return self._counts.total

    @property
    def outside(self) -> dict[str, str]:
        """A path outside the roots on which an operation was seen."""
        return self._counts.outside

    def covers(self, operation: Operation) -> bool:
        """Return whether the operation happens below a root while the gate is open."""
        if not self.gate:
            return False
        roots, prefixes = self._below
        if roots is not self.roots:
            roots = self.roots
            prefixes = tuple([root.rstrip("/") + "/" for root in roots])
            self._below = roots, prefixes
        path, target = operation.path, operation.target
        if path.startswith(prefixes) or path in roots:
            return True
        return target is not None and (target.startswith(prefixes) or target in roots)

    def count(self, name: str, calls: int, paths: Iterable[str]) -> None:
        """Count calls that no rule concerned."""
        self._counts.count(name, calls, paths)

    @property
    def counter(self) -> Callable[[str, str], None]:
        """What counts single calls that no rule concerned, by operation and path, until the next trial begins."""
        return self._counts.count_one

    def escape(self, told: str) -> None:
        """Note that a call got past the rules."""
        self.escapes.append(told)

    def note_stray(self, operation: Operation, stray: str, reason: str, error: OSError) -> None:
        """Write down that the guard has refused an operation, which would have changed `stray`."""
        del stray
        self.journal.note(operation, Handling("EACCES", reason, self.clock.now), "raised", error)

    def raise_if_ended(self) -> None:
        """Raise again what ended the session."""
        __tracebackhide__ = True
        if self.ended is not None:
            self.on_ignored()
            raise type(self.ended)(*self.ended.args)

    # Hot: each call that is asked about comes here, so that the steps stand in one function.
    def decide(
        self, operation: Operation, now: float | None = None, *, already_decided: bool = False
    ) -> Ruling:
        """Count a call and decide about it by the rules; raise what ended the session.

        `now` is the reading of the clock, if it was taken for this call already. With `already_decided` an inner
        session has decided: the call counts here, but no rule fires.
        """
        __tracebackhide__ = True
        at = self.clock.now if now is None else now
        with self._lock:
            if self.ended is not None:
                self.raise_if_ended()
            self._counts.count_one(operation.name, ends_text(operation.path, operation.target))
            if self.numbers is None or self.proving:
                nth = 0
                decision, matched = self.plan.decide(
                    operation, at, self.roots, already_decided=already_decided
                )
            else:
                nth, decision, matched = self._numbered(
                    self.numbers, operation, at, already_decided=already_decided
                )
            if decision is not None:
                decision = decision._replace(trial=self.trial)
                if decision.fault.kind == "crash":
                    from pytest_fsfault._core.language.legible import legible  # noqa: PLC0415  # most calls need no words

                    # At once: no other thread's call is let through while this one is still written down.
                    self.ended = SimulatedCrash(
                        legible(f"{operation.name} {operation.path}, at {operation.call_site}")
                    )
        doubted = operation.doubtful and self._doubt(operation)
        wanted = matched or doubted or self.records_all or (self._refused and self._was_refused(operation))
        judge = None if self.model is None else self._judge
        return _new(Ruling, (decision, at, bool(wanted), self, judge, nth))

    def _numbered(
        self, numbers: CallNumbers, operation: Operation, at: float, *, already_decided: bool
    ) -> tuple[int, Decision | None, bool]:
        """Return which of its calls this one is, what is decided, and if it is recorded."""
        key, nth = numbers.count(operation, self.roots)
        if self.replay is None:
            return nth, *self.plan.decide(operation, at, self.roots, already_decided=already_decided)
        call = self.replay.take(key, nth)
        decision = None if call is None or already_decided else self.replay.decision(call)
        matched = self.plan.count(operation, at, self.roots, None if decision is None else decision.reason)
        return nth, decision, matched or call is not None

    @property
    def replaying(self) -> bool:
        """Whether a recorded run decides, and not the rules and the model."""
        return self.replay is not None and not self.proving

    def record(
        self,
        operation: Operation,
        handling: Handling,
        outcome: Outcome,
        error: BaseException | None,
        who: tuple[int, int],
    ) -> None:
        """Write down a call, if all are, that no rule concerns: it was made without a decision."""
        numbers = None if self.proving else self.numbers
        if numbers is not None:
            with self._lock:
                handling = handling._replace(nth=numbers.count(operation, self.roots)[1])
        if self.records_all:
            self.journal.note(operation, handling, outcome, error, who)

    def only_records(self, operation: Operation) -> bool:
        """Return whether there is nothing to decide about a call, which is to be written down (see `record`)."""
        if not self.records_all or self.model is not None or self.replay is not None:
            return False
        if self.trial or self.ended is not None:
            return False
        return not self.plan.armed or not self.plan.matching(operation, self.roots)

    def _doubt(self, operation: Operation) -> bool:
        """Note which rules miss a call of which it is unknown whether it was `os.rename` or `os.replace`."""
        certain = self.plan.matching(operation, self.roots)
        either = [operation._replace(name=name, doubtful=False) for name in sorted(GROUPS["rename"])]
        found = {
            one.rule: None
            for case in either
            for one in self.plan.matching(case, self.roots)
            if one not in certain
        }
        for rule in found:
            self.escape(
                f"{rule}: a call bound early was either os.rename or os.replace, at {operation.call_site}"
            )
        return bool(found)

    def _judge(self, operation: Operation) -> Answered | None:
        """Return what the model says; remember what it refuses; raise what ended the session."""
        __tracebackhide__ = True
        model = self.model
        if model is None:  # switched off while a delay passed
            return None
        self.raise_if_ended()
        answer = model.judge(operation)
        if answer.code and self.replaying:
            model.passed(operation, Answer(operation.path, operation.target))
            return None
        if answer.code:
            with self._lock:
                self._refused.add(_key(model.spelled(operation)))
        return Answered(model, operation, answer)

    def hold_up(self, operation: Operation) -> None:
        """Let the model see a call that a delay holds up: a hold that it outlasts was met."""
        if self.model is not None:
            self.model.judge(operation)

    def _was_refused(self, operation: Operation) -> bool:
        """Return whether the model has refused a call like this one before: its success is worth an entry."""
        return _key(operation) in self._refused

    def end(self, reason: BaseException) -> NoReturn:
        """Let nothing more happen, and raise `reason`, now and at every later call."""
        __tracebackhide__ = True
        self.ended = reason
        self.on_end()
        raise reason

    def watch_for_storm(self, operation: Operation, outcome: Outcome) -> None:
        """Count injected errors per operation and the path that it wants to change.

        The names of `tempfile` are one: on Windows it tries another name after each refusal, two billion in all
        (CPython Lib/tempfile.py, `_mkstemp_inner`, `TMP_MAX`).
        """
        __tracebackhide__ = True
        if not self._storms and outcome not in ("raised", "failed"):
            return
        key = operation.name, without_luck(operation.target or operation.path)
        with self._lock:
            if outcome == "ok":
                self._storms.pop(key, None)
                return
            if outcome == "failed" and self.model is not None:
                self._refused.add(_key(operation))
            if outcome == "raised":
                self._storms[key] = self._storms.get(key, 0) + 1
            endless = self._storms.get(key, 0) >= STORM
        if endless:
            self.end(
                RetryStorm(
                    f"{operation.name} met an injected error {STORM:,} times on {key[1]!r} without progress, "
                    f"at {operation.call_site}: add a limit to the loop, or a schedule to the rule"
                )
            )


_new = tuple.__new__


def _key(operation: Operation) -> tuple[str, str, frozenset[str]]:
    return operation.name, operation.path, operation.groups


def _ignore(_there: object) -> None:
    """Do nothing: no model has to follow."""
