"""Conduct one call: put the question to the sessions, act out the answer, and write down what became of it."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from pytest_fsfault._core.engine.journal import Handling
from pytest_fsfault._core.engine.listings import LISTINGS, in_order
from pytest_fsfault._core.engine.plan import Decision
from pytest_fsfault._core.language.errors import add_winerror, belongs_to, build, parse_error
from pytest_fsfault._core.language.faults import Fault
from pytest_fsfault._core.language.operations import OPERATIONS
from pytest_fsfault._core.language.winerrors import error_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from pytest_fsfault._core.engine.engine import Engine
    from pytest_fsfault._core.engine.interfaces import Answer, SystemModel, Witness
    from pytest_fsfault._core.engine.journal import Outcome
    from pytest_fsfault._core.language.operations import Operation

# pytest leaves the frames of this module out of tracebacks: they are not the user's.
__tracebackhide__ = True

# Truncating a mapped file gives EACCES, although the runtime maps 1224 to EINVAL elsewhere; CPython Modules/_io.
_MAPPED = 1224

# Whatever becomes of a close, the descriptor is gone afterwards (close(2), _close of the C runtime).
_CLOSES = frozenset({"os.close", "file.close"})


class Action(NamedTuple):
    """How the interceptor does what was asked, whole or in part."""

    perform: Callable[[], Any]
    discard: Callable[[Any], object] = lambda _result: None  # undo nothing, but leak nothing either
    short: Callable[[int], Any] | None = None
    at: Callable[[str, str | None], Any] | None = None  # the same call on other paths
    passed: Callable[[], object] = lambda: None  # told when a call goes ahead whose result nobody will tell


class Answered(NamedTuple):
    """What a model has said about one operation, as it was asked."""

    model: SystemModel
    asked: Operation
    answer: Answer


class PendingCall:
    """One operation with its decision, while it is acted out."""

    def __init__(self, operation: Operation, act: Action, witnesses: list[Witness]) -> None:
        self.operation = operation
        self.act = act
        self.witnesses = witnesses
        self.handling = Handling(None, "", 0.0)
        self.hint = ""
        self.answered: Answered | None = None
        self.who: tuple[int, int] | None = None  # thread and process, if they are not the calling ones

    def note(self, outcome: Outcome, error: BaseException | None = None) -> None:
        for witness in self.witnesses:
            witness.journal.note(self.operation, self.handling, outcome, error, self.who)
        # A short transfer is progress, unless it moves nothing or ends in an error.
        stuck = outcome == "short" and (error is not None or self.handling.fault == "short 0")
        for witness in self.witnesses:
            witness.watch_for_storm(self.operation, "raised" if stuck else outcome)

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


def execute(engines: Sequence[Engine], operation: Operation, act: Action) -> Any:
    """Decide about an operation and act it out: the whole way from the question to the journal.

    `engines` are asked in order, the innermost session first; all of them count and record, the first
    that has an answer decides.
    """
    __tracebackhide__ = True
    if operation.name in _CLOSES and any(
        engine.ended is not None and engine.covers(operation) for engine in engines
    ):
        return act.perform()  # the descriptor is given back: our own process lives on
    case, decision, decider = decide(engines, operation, act)
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


def execute_early_bound(engines: Sequence[Engine], operation: Operation, act: Action) -> None:
    """Decide about a call that is about to happen whatever we return: refuse it, delay it, or let it pass."""
    __tracebackhide__ = True
    case, decision, decider = decide(engines, operation, act)
    if decision is None or decider is None:
        case.act.passed()
        case.note("passed")
    elif decision.fault.kind == "short":
        escape_cut(case, decision, decider)
        case.note("passed")
    elif decision.fault.kind == "delay":
        decider.clock.sleep(decision.fault.seconds)
        case.act.passed()
        case.note("passed")
    else:
        _ACTS[decision.fault.kind](case, decision.fault, decider)


def escape_cut(case: PendingCall, decision: Decision, decider: Engine) -> None:
    """Note that a call which was to be cut short goes past us whole."""
    site = case.operation.call_site
    decider.escapes.append(f"{decision.reason}: a call bound early cannot be cut short, at {site}")
    reason = f"{decision.reason}; bound early, not cut short"
    case.handling = case.handling._replace(fault=None, reason=reason)


def decide(
    engines: Sequence[Engine], operation: Operation, act: Action, *, already_decided: bool = False
) -> tuple[PendingCall, Decision | None, Engine | None]:
    """Return the operation as a case, and who has decided what about it.

    With `taken` somebody has decided before: the call counts, but nobody here is asked for a decision.
    """
    __tracebackhide__ = True
    answered: Answered | None = None
    witnesses: list[Witness] = []
    first: Decision | None = None
    decider: Engine | None = None
    asked: Engine | None = None
    for engine in engines:
        if not engine.covers(operation):
            continue
        answer = (
            engine.ask_model(operation) if asked is None and first is None and not already_decided else None
        )
        if answer is not None:
            asked = engine
            if answer.code:
                # What the model refuses no rule sees.
                first, decider = _refused(answer), engine
                witnesses.append(engine.note_refusal(operation))
                break
            assert engine.model is not None  # noqa: S101  # it has answered
            answered = Answered(engine.model, operation, answer)
            operation, act = _as_answered(engine.model, operation, answer, act)
        decision, witness = engine.consult(operation, already_decided=already_decided or first is not None)
        if witness is not None:
            witnesses.append(witness)
        if first is None and decision is not None:
            first, decider = decision, engine
    case = PendingCall(operation, act, witnesses)
    case.answered = answered
    if first is not None:
        case.hint = first.note
    if witnesses:
        early = _EARLY[operation.doubtful] if operation.early_bound and not operation.program else ""
        now = witnesses[0].clock.now
        if first is None:
            case.handling = Handling(None, early, now)
        else:
            reason = f"{first.reason}, {early}" if early else first.reason
            case.handling = Handling(str(first.fault), reason, now)
    return case, first, decider


def _refused(answer: Answer) -> Decision:
    fault = Fault("error", parse_error(error_name(answer.code)))
    return Decision(fault, answer.reason, note=answer.reason)


def _as_answered(
    model: SystemModel, operation: Operation, answer: Answer, act: Action
) -> tuple[Operation, Action]:
    """Return the operation and the way to do it as a model wants them."""
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


def _modelled(model: SystemModel, operation: Operation, answer: Answer, perform: Callable[[], Any]) -> Any:
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


def _raise(case: PendingCall, fault: Fault, decider: Engine) -> NoReturn:
    __tracebackhide__ = True
    if fault.after or case.operation.name in _CLOSES:
        case.act.discard(case.perform())
    error = case.refusal(fault, decider)
    case.note("raised", error)
    raise error


def _delay(case: PendingCall, fault: Fault, decider: Engine) -> Any:
    decider.clock.sleep(fault.seconds)
    result = case.perform()
    case.note("ok")
    return result


def _short(case: PendingCall, fault: Fault, decider: Engine) -> Any:
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


def _crash(case: PendingCall, _fault: Fault, decider: Engine) -> NoReturn:
    __tracebackhide__ = True
    crash = decider.ended
    assert crash is not None  # noqa: S101  # set with the decision
    case.note("crashed", crash)
    if case.operation.name in _CLOSES:
        with suppress(OSError):
            case.act.perform()
    decider.end(crash)


_ACTS: dict[str, Callable[[PendingCall, Fault, Engine], Any]] = {
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
