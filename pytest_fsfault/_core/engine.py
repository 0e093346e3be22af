"""Ask the deciders about an operation, act out the answer, and write down what happened."""

from __future__ import annotations

import threading
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from pytest_fsfault._core.endings import RetryStorm, SimulatedCrash
from pytest_fsfault._core.errors import add_winerror, belongs_to, build, parse_error
from pytest_fsfault._core.fault import Fault
from pytest_fsfault._core.journal import Journal, Tally, Verdict
from pytest_fsfault._core.listing import LISTINGS, in_order
from pytest_fsfault._core.operation import GROUPS, OPERATIONS, Decision
from pytest_fsfault._core.paths import within
from pytest_fsfault._core.plan import Plan
from pytest_fsfault._core.winerrors import error_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from pytest_fsfault._core.journal import Outcome
    from pytest_fsfault._core.operation import Operation
    from pytest_fsfault._core.plan import Armed
    from pytest_fsfault._core.protocols import Answer, Clock, Model

# pytest leaves the frames of this module out of tracebacks: they are not the user's.
__tracebackhide__ = True

# Truncating a mapped file gives EACCES, although the runtime maps 1224 to EINVAL elsewhere; CPython Modules/_io.
_MAPPED = 1224

# Whatever becomes of a close, the descriptor is gone afterwards (close(2), _close of the C runtime).
_CLOSES = frozenset({"os.close", "file.close"})

# A loop that meets an injected error this often, on one path and without success, makes no progress.
STORM = 10_000


class Act(NamedTuple):
    """How the interceptor does what was asked, whole or in part."""

    perform: Callable[[], Any]
    discard: Callable[[Any], object] = lambda _result: None  # undo nothing, but leak nothing either
    short: Callable[[int], Any] | None = None
    at: Callable[[str, str | None], Any] | None = None  # the same call on other paths
    passed: Callable[[], object] = lambda: None  # told when a call goes ahead whose result nobody will tell


class Engine:
    """The deciders, the clock and the journal of one session.

    `roots` are absolute and normalised. While `gate` is shut the session neither decides nor records.
    """

    def __init__(self, clock: Clock, roots: Iterable[str], *, observing: bool = False) -> None:
        self.clock = clock
        self.roots = tuple(roots)
        # As somebody has named them, None if nobody has: on a fake file system they are read anew.
        self.named: tuple[str, ...] | None = self.roots
        # Told of a fake that begins, and of its end.
        self.on_ground: Callable[[Any], None] = lambda _ground: None
        self.observing = observing
        self.gate = False
        self.ticking = False  # whether the clock runs for the code under test
        self.plan = Plan()
        self.model: Model | None = None  # a second decider, asked before the plan
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
        self.plan = Plan()
        for one in armed:
            self.plan.add(one)
        self.journal = Journal()
        self.escapes = []
        self._tallies, self._outside = {}, {}
        self.forgive()

    def forgive(self) -> None:
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

    def consult(self, operation: Operation, *, taken: bool) -> tuple[Decision | None, bool]:
        """Return the decision of this session, and whether it wants an entry; raise what ended it.

        With `taken` an inner session has decided: the call counts here, but no rule fires.
        """
        __tracebackhide__ = True
        now = self.clock.now
        with self._turn:
            self.raise_if_ended()
            self.count(operation.name, 1, [operation.path])
            decision, matched = self.plan.decide(operation, now, self.roots, taken=taken)
            if decision is not None and decision.fault.kind == "crash":
                # At once: no other thread's call is let through while this one is still written down.
                self.ended = SimulatedCrash(f"{operation.name} {operation.path}, at {operation.call_site}")
        doubted = operation.doubtful and self._doubt(operation)
        return decision, matched or doubted or self.observing or self.was_refused(operation)

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
        self.escapes += [
            f"{rule}: a call bound early was os.rename or os.replace, nobody can tell which, at {operation.call_site}"
            for rule in found
        ]
        return bool(found)

    def ask_model(self, operation: Operation) -> Answer | None:
        """Return what the model says; raise what ended the session."""
        if self.model is None:
            return None
        self.raise_if_ended()
        return self.model.judge(operation)

    def note_refusal(self, operation: Operation) -> None:
        """Count a call that the model refuses; what becomes of the next one like it is worth an entry."""
        with self._lock:
            self.count(operation.name, 1, [operation.path])
            self._refused.add((operation.name, operation.path, operation.groups))

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


class _Case:
    """One operation with its decision, while it is acted out."""

    def __init__(self, operation: Operation, act: Act, witnesses: list[Engine]) -> None:
        self.operation = operation
        self.act = act
        self.witnesses = witnesses
        self.verdict = Verdict(None, "", 0.0)
        self.hint = ""

    def note(self, outcome: Outcome, error: BaseException | None = None) -> None:
        for engine in self.witnesses:
            engine.journal.note(self.operation, self.verdict, outcome, error)
        # A short transfer is progress, unless it moves nothing or ends in an error.
        stuck = outcome == "short" and (error is not None or self.verdict.fault == "short 0")
        for engine in self.witnesses:
            engine.watch_for_storm(self.operation, "raised" if stuck else outcome)

    def perform(self) -> Any:
        """Do the real thing; a native error is told as such."""
        __tracebackhide__ = True
        try:
            result = self.act.perform()
        except OSError as error:
            self.note("failed", error)
            raise
        return result

    def refusal(self, fault: Fault, decider: Engine) -> OSError:
        error = self.error(fault, decider)
        if self.hint:
            error.add_note(self.hint)
        return error

    def error(self, fault: Fault, decider: Engine) -> OSError:
        kind = OPERATIONS[self.operation.name]
        assert fault.error is not None  # noqa: S101  # only faults that carry an error come here
        shown = None if kind.names == "none" else self.operation.shown
        target = self.operation.shown_target if kind.names == "both" else None
        name = fault.error
        if self.operation.name == "file.truncate" and name.winerror == _MAPPED:
            name = parse_error("ERROR_ACCESS_DENIED")
        error = build(name, kind.family, shown, target)
        return belongs_to(error, decider.trial) if decider.trial else error


def conduct(engines: Sequence[Engine], operation: Operation, act: Act) -> Any:
    """Decide about an operation and act it out: the whole way from the question to the journal.

    `engines` are asked in order, the innermost session first; all of them count and record, the first
    that has an answer decides.
    """
    __tracebackhide__ = True
    if operation.name in _CLOSES and any(
        engine.ended is not None and engine.covers(operation) for engine in engines
    ):
        return act.perform()  # the descriptor is given back: our own process lives on
    case, decision, decider = _decide(engines, operation, act)
    if decision is None or decider is None:
        result = case.perform()
        case.note("ok")
        if operation.name in LISTINGS and _sorts(engines, operation):
            return in_order(result)
        return result
    return _ACTS[decision.fault.kind](case, decision.fault, decider)


def _sorts(engines: Iterable[Engine], operation: Operation) -> bool:
    """Return whether a listing is to be sorted; a model gives it in an order of its own."""
    asked = [engine for engine in engines if engine.covers(operation)]
    return any(engine.sorts for engine in asked) and all(engine.model is None for engine in asked)


def conduct_early_bound(engines: Sequence[Engine], operation: Operation, act: Act) -> None:
    """Decide about a call that is about to happen whatever we return: refuse it, delay it, or let it pass."""
    __tracebackhide__ = True
    case, decision, decider = _decide(engines, operation, act)
    if decision is None or decider is None:
        case.act.passed()
        case.note("passed")
    elif decision.fault.kind == "short":
        decider.escapes.append(
            f"{decision.reason}: a call bound early cannot be cut short, at {operation.call_site}"
        )
        case.verdict = case.verdict._replace(
            fault=None, reason=f"{decision.reason}; bound early, not cut short"
        )
        case.note("passed")
    elif decision.fault.kind == "delay":
        decider.clock.sleep(decision.fault.seconds)
        case.act.passed()
        case.note("passed")
    else:
        _ACTS[decision.fault.kind](case, decision.fault, decider)


def _decide(
    engines: Sequence[Engine], operation: Operation, act: Act
) -> tuple[_Case, Decision | None, Engine | None]:
    __tracebackhide__ = True
    witnesses: list[Engine] = []
    first: Decision | None = None
    decider: Engine | None = None
    asked: Engine | None = None
    for engine in engines:
        if not engine.covers(operation):
            continue
        answer = engine.ask_model(operation) if asked is None and first is None else None
        if answer is not None:
            asked = engine
            if answer.code:
                # What the model refuses no rule sees.
                first, decider = _refused(answer), engine
                engine.note_refusal(operation)
                witnesses.append(engine)
                break
            operation, act = _as_answered(engine, operation, answer, act)
        decision, wanted = engine.consult(operation, taken=first is not None)
        if wanted:
            witnesses.append(engine)
        if first is None and decision is not None:
            first, decider = decision, engine
    case = _Case(operation, act, witnesses)
    if first is not None:
        case.hint = first.note
    if witnesses:
        early = _EARLY[operation.doubtful] if operation.early_bound else ""
        now = witnesses[0].clock.now
        if first is None:
            case.verdict = Verdict(None, early, now)
        else:
            reason = f"{first.reason}, {early}" if early else first.reason
            case.verdict = Verdict(str(first.fault), reason, now)
    return case, first, decider


def _refused(answer: Answer) -> Decision:
    fault = Fault("error", parse_error(error_name(answer.code)))
    return Decision(fault, answer.reason, note=answer.reason)


def _as_answered(engine: Engine, operation: Operation, answer: Answer, act: Act) -> tuple[Operation, Act]:
    """Return the operation and the way to do it as the model of `engine` wants them."""
    model = engine.model
    assert model is not None  # noqa: S101  # it has answered
    if operation.early_bound:
        # The call is not ours: it goes where it goes.
        # But what fails anyway may fail as on Windows.
        told = answer.perform if answer.fails else None
        return operation, act._replace(passed=told or partial(model.passed, operation, answer))
    perform = act.perform
    if answer.perform is not None:
        perform = answer.perform
    elif act.at is not None:
        perform = partial(act.at, answer.path, answer.target)
    asked = operation
    operation = operation._replace(path=answer.path, target=answer.target)
    return operation, act._replace(perform=partial(_modelled, model, asked, answer, perform))


def _modelled(model: Model, operation: Operation, answer: Answer, perform: Callable[[], Any]) -> Any:
    __tracebackhide__ = True
    try:
        result = perform()
    except OSError as error:
        translated = model.translated(operation, error)
        if translated is error:
            raise
        raise translated from None
    return model.done(operation, answer, result)


_EARLY = {False: "bound early", True: "bound early, os.rename or os.replace"}


def _raise(case: _Case, fault: Fault, decider: Engine) -> NoReturn:
    __tracebackhide__ = True
    if fault.after or case.operation.name in _CLOSES:
        case.act.discard(case.perform())
    error = case.refusal(fault, decider)
    case.note("raised", error)
    raise error


def _delay(case: _Case, fault: Fault, decider: Engine) -> Any:
    decider.clock.sleep(fault.seconds)
    result = case.perform()
    case.note("ok")
    return result


def _short(case: _Case, fault: Fault, decider: Engine) -> Any:
    __tracebackhide__ = True
    short = case.act.short
    assert short is not None  # noqa: S101  # a rule with `short` matches only what transfers bytes
    case.act = case.act._replace(perform=lambda: short(fault.size))
    result = case.perform()
    if fault.error is None:
        case.note("short")
        return result
    error = case.error(fault, decider)
    case.note("short", error)
    raise error


def _crash(case: _Case, _fault: Fault, decider: Engine) -> NoReturn:
    __tracebackhide__ = True
    crash = decider.ended
    assert crash is not None  # noqa: S101  # set with the decision
    case.note("crashed", crash)
    if case.operation.name in _CLOSES:
        with suppress(OSError):
            case.act.perform()
    decider.end(crash)


_ACTS: dict[str, Callable[[_Case, Fault, Engine], Any]] = {
    "error": _raise,
    "delay": _delay,
    "short": _short,
    "crash": _crash,
}


def tell_winerror(engines: Sequence[Engine], name: str, error: OSError) -> None:
    """Give a native error the attribute `winerror` while a rule speaks of Windows errors.

    Correct Windows code reads ``error.winerror`` and must not trip over its absence.
    """
    if any(engine.gate and engine.plan.speaks_windows for engine in engines):
        add_winerror(error, OPERATIONS[name].family)
