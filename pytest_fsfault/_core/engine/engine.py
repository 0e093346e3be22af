"""Hold what one session knows: its rules, its model, its journal, and what has become of it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, NoReturn

from pytest_fsfault._core.engine.endings import RetryStorm, SimulatedCrash
from pytest_fsfault._core.engine.journal import Journal, Tally
from pytest_fsfault._core.engine.plan import Decision, Plan
from pytest_fsfault._core.language.globs import within
from pytest_fsfault._core.language.operations import GROUPS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pytest_fsfault._core.engine.guard import Guard
    from pytest_fsfault._core.engine.interfaces import Answer, ClockView, SystemModel, Witness
    from pytest_fsfault._core.engine.journal import Outcome
    from pytest_fsfault._core.engine.plan import Armed
    from pytest_fsfault._core.language.operations import Operation

# pytest leaves the frames of this module out of tracebacks: they are not the user's.
__tracebackhide__ = True

# A loop that meets an injected error this often, on one path and without success, makes no progress.
STORM = 10_000


def _as_cpython(_winerror: int | None, number: int) -> int:
    return number


class Engine:
    """The deciders, the clock and the journal of one session.

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
        # As somebody has named them, None if nobody has: on a fake file system they are read anew.
        self.named: tuple[str, ...] | None = self.roots
        # Told of a fake that begins, and of its end.
        self.on_filesystem_change: Callable[[Any], None] = lambda _ground: None
        self.observing = observing
        self.children = children  # whether child processes are under it as well
        self.native = children  # whether native programs are, too, where that is possible
        # By which errno a native program meets an error: of its Windows number, and what CPython makes of it.
        self.unix_errno: Callable[[int | None, int], int] = _as_cpython
        self.guard: Guard | None = None  # refuses changes outside the roots
        self.gate = False
        self.ticking = False  # whether the clock runs for the code under test
        self.plan = Plan(ignore_case=ignore_case)
        self.model: SystemModel | None = None  # a second decider, asked before the plan
        self._refused: set[tuple[str, str, frozenset[str]]] = (
            set()
        )  # what it refused, and is still waited for
        self.journal = Journal()
        self.ended: BaseException | None = None
        self.on_end: Callable[[], None] = lambda: None
        self.escapes: list[str] = []
        self.trial = 0  # the trial of a sweep whose faults these are
        self.sorts = False  # whether directories are listed in the order of their names
        self._tallies: dict[str, Tally] = {}
        self._outside: dict[str, str] = {}
        self._storms: dict[tuple[str, str], int] = {}
        # A garbage collection in between may close a file, and that call comes here too.
        self._lock = threading.RLock()
        self._turn = self._lock  # one for both: a file that is closed in between must find them in one order

    def begin(self, trial: int, armed: Iterable[Armed]) -> None:
        """Begin a trial: with these rules and nothing remembered; what ended an earlier one stays ended."""
        self.trial = trial
        self.plan = Plan(ignore_case=self.plan.ignore_case)
        for one in armed:
            self.plan.add(one)
        self.journal = Journal()
        self.escapes = []
        self._tallies, self._outside = {}, {}
        self.reset()

    def reset(self) -> None:
        """Forget what was refused so far: the tree that it was about is gone."""
        self._refused.clear()
        self._storms.clear()

    @property
    def tallies(self) -> dict[str, Tally]:
        """Calls below the roots by operation, whether or not a rule concerned them."""
        return self._tallies

    @property
    def outside(self) -> dict[str, str]:
        """A path outside the roots on which an operation was seen."""
        return self._outside

    def covers(self, operation: Operation) -> bool:
        """Return whether the operation happens below a root while the gate is open."""
        return self.gate and (
            within(operation.path, self.roots)
            or (operation.target is not None and within(operation.target, self.roots))
        )

    def count(self, name: str, calls: int, paths: Iterable[str]) -> None:
        """Count calls that no rule concerned."""
        with self._lock:
            tally = self._tallies.get(name)
            if tally is None:
                tally = self._tallies[name] = Tally()
            tally.add(calls, paths)

    def raise_if_ended(self) -> None:
        """Raise again what ended the session."""
        __tracebackhide__ = True
        if self.ended is not None:
            raise type(self.ended)(*self.ended.args)

    def consult(
        self, operation: Operation, *, already_decided: bool
    ) -> tuple[Decision | None, Witness | None]:
        """Return the decision of this session, and who wants an entry, if anybody does; raise what ended it.

        With `taken` an inner session has decided: the call counts here, but no rule fires.
        """
        __tracebackhide__ = True
        now = self.clock.now
        with self._turn:
            self.raise_if_ended()
            self.count(operation.name, 1, [operation.path])
            decision, matched = self.plan.decide(operation, now, self.roots, already_decided=already_decided)
            if decision is not None and decision.fault.kind == "crash":
                # At once: no other thread's call is let through while this one is still written down.
                self.ended = SimulatedCrash(f"{operation.name} {operation.path}, at {operation.call_site}")
        doubted = operation.doubtful and self._doubt(operation)
        wanted = matched or doubted or self.observing or self.was_refused(operation)
        return decision, self if wanted else None

    def _doubt(self, operation: Operation) -> bool:
        """Note which rules a call escapes that was `os.rename` or `os.replace`, nobody knows which."""
        certain = self.plan.matching(operation, self.roots)
        either = [operation._replace(name=name, doubtful=False) for name in sorted(GROUPS["rename"])]
        found = {
            one.rule: None
            for case in either
            for one in self.plan.matching(case, self.roots)
            if one not in certain
        }
        self.escapes.extend(
            f"{rule}: a call bound early was os.rename or os.replace, nobody can tell which, at {operation.call_site}"
            for rule in found
        )
        return bool(found)

    def ask_model(self, operation: Operation) -> Answer | None:
        """Return what the model says; raise what ended the session."""
        if self.model is None:
            return None
        self.raise_if_ended()
        return self.model.judge(operation)

    def note_refusal(self, operation: Operation) -> Witness:
        """Count a call that the model refuses; what becomes of the next one like it is worth an entry."""
        with self._lock:
            self.count(operation.name, 1, [operation.path])
            self._refused.add((operation.name, operation.path, operation.groups))
        return self

    def was_refused(self, operation: Operation) -> bool:
        """Return whether the model has refused a call like this one before."""
        return (operation.name, operation.path, operation.groups) in self._refused

    def end(self, reason: BaseException) -> NoReturn:
        """Let nothing more happen, and raise `reason`, now and at every later call."""
        __tracebackhide__ = True
        self.ended = reason
        self.on_end()
        raise reason

    def watch_for_storm(self, operation: Operation, outcome: Outcome) -> None:
        """Count injected errors per operation and the path that it wants to change."""
        __tracebackhide__ = True
        key = operation.name, operation.target or operation.path
        with self._lock:
            if outcome == "ok":
                self._storms.pop(key, None)
                return
            if outcome == "raised":
                self._storms[key] = self._storms.get(key, 0) + 1
            endless = self._storms.get(key, 0) >= STORM
        if endless:
            self.end(
                RetryStorm(
                    f"{operation.name} met an injected error {STORM:,} times on {key[1]!r} without progress, "
                    f"at {operation.call_site}: give the loop an end, or the rule a schedule"
                )
            )
