"""Make one call: ask the sessions, act the decision out, and write down what became of it."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, NoReturn

from pytest_fsfault._core.engine.listings import LISTINGS, in_order
from pytest_fsfault._core.engine.pending import CLOSES, PendingCall, decide
from pytest_fsfault._core.language.operations import OPERATIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pytest_fsfault._core.engine.interfaces import Doing, Sessions
    from pytest_fsfault._core.engine.pending import Action
    from pytest_fsfault._core.engine.records import Decision
    from pytest_fsfault._core.language.operations import Operation

# pytest leaves the frames of this module out of tracebacks: they are not the user's.
__tracebackhide__ = True


def execute(sessions: Sequence[Sessions], operation: Operation, act: Doing | Action) -> Any:
    """Decide about an operation and act it out: the whole way from the question to the journal.

    `sessions` are asked in order, the innermost first: all rules, then all models. All count and record, the
    first that has an answer decides.
    """
    __tracebackhide__ = True
    if operation.name in CLOSES and any(one.ended is not None and one.covers(operation) for one in sessions):
        return act.perform()  # the descriptor is given back: our own process lives on
    call = decide(sessions, operation, act)
    decision = call.decision
    if decision is None:
        return _proceed(call)
    return _ACTS[decision.fault.kind](call, decision)


def execute_early_bound(sessions: Sequence[Sessions], operation: Operation, act: Doing | Action) -> None:
    """Decide about a call that is about to happen whatever we return: refuse it, delay it, or let it pass."""
    __tracebackhide__ = True
    call = decide(sessions, operation, act)
    decision = call.decision
    if decision is not None and decision.fault.kind in {"error", "crash"}:
        _ACTS[decision.fault.kind](call, decision)
    if decision is not None and decision.fault.kind == "delay":
        _decider(call).clock.sleep(decision.fault.seconds)
    if decision is not None and decision.fault.kind == "short":
        escape_cut(call, decision)
    _ask_models(call)
    call.pass_on()
    call.note("passed")


def escape_cut(call: PendingCall, decision: Decision) -> None:
    """Note that a call which was to be cut short goes past us whole."""
    told = f"{decision.reason}: a call bound early is never cut short, at {call.operation.call_site}"
    _decider(call).escape(told)
    call.decision, call.remark = None, f"{decision.reason}; bound early, not cut short"


def _decider(call: PendingCall) -> Sessions:
    assert call.decider is not None  # noqa: S101  # set with the decision
    return call.decider


def _ask_models(call: PendingCall) -> None:
    """Ask the models about a call that is about to be made; raise what one of them refuses."""
    __tracebackhide__ = True
    refused = call.ask_models()
    if refused is not None:
        error = call.refusal(refused)
        call.note("raised", error)
        raise error


def _proceed(call: PendingCall) -> Any:
    __tracebackhide__ = True
    if call.judged:
        _ask_models(call)
    result = call.perform()
    if call.witnesses:
        call.note("ok")
    if call.operation.name in LISTINGS and _sorts(call):
        return in_order(result)
    return result


def _sorts(call: PendingCall) -> bool:
    """Return whether a listing is to be sorted; a model gives it in an order of its own."""
    return not call.answers and any(one.sorts for one, _ in call.rulings)


def _raise(call: PendingCall, decision: Decision) -> NoReturn:
    __tracebackhide__ = True
    if decision.unless_alike:
        _try(call, decision)
    if decision.fault.after or call.operation.name in CLOSES:
        _ask_models(call)
        call.act.discard(call.perform())
    error = call.refusal(decision)
    call.note("raised", error)
    raise error


def _try(call: PendingCall, decision: Decision) -> None:
    """Make a call that failed in a recorded run, if nothing can come of it; raise its own error if it is the same."""
    __tracebackhide__ = True
    error = decision.fault.error
    assert error is not None  # noqa: S101  # it is an error that is raised again
    if not PendingCall.may_try(call.operation, error.errno):
        return
    _ask_models(call)
    try:
        result = call.make()
    except OSError as found:
        if found.errno == error.errno:
            call.decision = None
            call.note("failed", found)
            raise
    else:
        call.act.discard(result)


def _delay(call: PendingCall, decision: Decision) -> Any:
    __tracebackhide__ = True
    _decider(call).clock.sleep(decision.fault.seconds)
    return _proceed(call)


def _short(call: PendingCall, decision: Decision) -> Any:
    __tracebackhide__ = True
    short = call.act.short
    assert short is not None  # noqa: S101  # a rule with `short` matches only what transfers bytes
    _ask_models(call)
    call.make = lambda: short(decision.fault.size)
    result = call.perform()
    if decision.fault.error is None:
        call.note("short")
        return result
    error = call.error(decision)
    call.note("short", error)
    raise error


def _crash(call: PendingCall, _decision: Decision) -> NoReturn:
    __tracebackhide__ = True
    decider = _decider(call)
    crash = decider.ended
    assert crash is not None  # noqa: S101  # set with the decision
    call.note("crashed", crash)
    if call.operation.name in CLOSES:
        with suppress(OSError):
            call.make()
    decider.end(crash)


_ACTS: dict[str, Callable[[PendingCall, Decision], Any]] = {
    "error": _raise,
    "delay": _delay,
    "short": _short,
    "crash": _crash,
}


def tell_winerror(sessions: Sequence[Sessions], name: str, error: OSError) -> None:
    """Give a native error the attribute `winerror` while a rule speaks of Windows errors.

    Correct Windows code reads ``error.winerror`` and must not trip over its absence.
    """
    if any(one.gate and one.plan.speaks_windows for one in sessions):
        from pytest_fsfault._core.language.errors import add_winerror  # noqa: PLC0415  # for calls that fail

        add_winerror(error, OPERATIONS[name].family)
