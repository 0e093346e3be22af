"""Answer what children ask about their calls: the rules in force, what is decided, and what becomes of it."""

from __future__ import annotations

import shutil
from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING, Any

from pytest_fsfault._core.clock import SECOND
from pytest_fsfault._core.engine.endings import RetryStorm, SimulatedCrash
from pytest_fsfault._core.engine.engine import Engine
from pytest_fsfault._core.engine.execution import escape_cut
from pytest_fsfault._core.engine.listings import LISTINGS
from pytest_fsfault._core.engine.pending import CLOSES, Action, decide
from pytest_fsfault._core.engine.records import Handling
from pytest_fsfault._core.language.operations import OPERATIONS, Operation
from pytest_fsfault._intercept.children.parent.quick_tests import allowed, head, materials, records
from pytest_fsfault._intercept.children.protocol import (
    Malformed,
    decode_failure,
    decode_operation,
    encode_ending,
    encode_failure,
)
from pytest_fsfault._intercept.children.shapes import (
    Question,
    is_counts,
    is_listing,
    is_number,
    is_operation,
    is_outcome,
    is_outside,
    is_row,
    is_row_or_none,
    is_span,
    is_stack,
    is_text,
    is_text_or_none,
    is_truth,
)
from pytest_fsfault._intercept.fake.isolation import patcher

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_fsfault._core.engine.interfaces import Sessions
    from pytest_fsfault._core.engine.pending import PendingCall
    from pytest_fsfault._core.engine.records import Decision
    from pytest_fsfault._core.language.faults import Fault
    from pytest_fsfault._intercept.calls.state import InterceptState
    from pytest_fsfault._intercept.children.parent.clock_questions import ClockQuestions
    from pytest_fsfault._intercept.children.parent.connections import ChildConnection, ChildThread
    from pytest_fsfault._intercept.children.protocol import Message

_DONE = ("done",)
_NOTE = (is_number, is_outcome, is_row_or_none, is_text_or_none, is_text)
_ENTRY = (
    is_span, is_operation, is_text, is_text_or_none, is_text, is_outcome, is_row_or_none, is_text,
)  # fmt: skip
_numbers = count(1)


class Decisions:
    """What is in force for child processes, and what is decided about their calls."""

    def __init__(self, state: InterceptState, generation: Callable[[], int], clock: ClockQuestions) -> None:
        self._state = state
        self._generation = generation
        self._clock = clock
        self.crashed: Callable[[int], object] = lambda _process: (
            None
        )  # called with a child that is about to crash
        self.questions = {
            "rules": Question(self._rules),
            "ask": Question(self._ask, (is_span, is_counts, is_row, is_stack, is_truth)),
            "models": Question(self._models, (is_number,)),
            "perform": Question(self._perform, (is_number,)),
            "performed": Question(self._performed, (is_number, is_listing)),
            "translate": Question(self._translate, (is_row, is_row_or_none)),
            "note": Question(lambda connection, *told: self._note(connection.owner, *told), _NOTE),
            "entry": Question(lambda connection, *told: self._entry(connection.owner, *told), _ENTRY),
            "count": Question(self._count, (is_counts, is_outside)),
            "escape": Question(self._escape, (is_text,)),
        }
        #: What is told in a log, in the name of a thread.
        self.told = {"note": Question(self._noted, _NOTE), "entry": Question(self._entry, _ENTRY)}

    def engines(self) -> tuple[Engine, ...]:
        """Return the sessions that hold for child processes, the innermost first."""
        state = self._state
        if state.shut or patcher() is not None:
            return ()  # a fake file system is the parent's alone
        return tuple(
            engine
            for engine in state.engines
            if isinstance(engine, Engine) and engine.gate and engine.children
        )

    def roots(self) -> tuple[str, ...]:
        """Return the roots of the sessions that hold for child processes."""
        return tuple(dict.fromkeys(root for engine in self.engines() for root in engine.roots))

    def head(self) -> str:
        """Return what a new interpreter has to know beside the roots."""
        return head(self.engines(), self._clock.clock())

    def _rules(self, _connection: ChildConnection) -> Message:
        engines, roots = self.engines(), self.roots()
        ended = next((engine.ended for engine in engines if engine.ended is not None), None)
        recording = ended is None and records(engines)
        return (
            "rules", self._generation(), roots,
            {name: self._tests(name, engines, recording) for name in OPERATIONS},
            any(engine.plan.speaks_windows for engine in engines),
            self._model(engines),
            None if ended is None else encode_ending(ended),
            any(engine.sorts for engine in engines),
            recording,
            allowed(engines),
        )  # fmt: skip

    def _tests(self, name: str, engines: tuple[Engine, ...], recording: bool) -> Message:
        """Return for path and target what a quick test of them is made of; with `recording` that of the rules alone."""
        ends = (False, True) if OPERATIONS[name].two_paths else (False,)
        eased = any(engine.model is not None and name in engine.model.fast_paths() for engine in engines)
        return tuple(
            (eased and not target)
            or materials(self._state.tests(engines, name, target=target, recording=recording))
            for target in ends
        )

    def _model(self, engines: tuple[Engine, ...]) -> Message | None:
        """Return what is different about `shutil` under a model; None without one."""
        model = next((engine.model for engine in engines if engine.model is not None), None)
        if model is None:
            return None
        own = {id(vars(shutil)): "shutil", id(vars(shutil.rmtree)): "rmtree"}
        return tuple(
            (own[id(space)], name, value)
            for space, name, value in model.patches()
            if id(space) in own and isinstance(value, bool)
        )

    # What is decided.

    def _ask(
        self,
        connection: ChildConnection,
        spent: int,
        counts: dict[str, Any],
        row: list[Any],
        stack: list[Any] | None,
        already_decided: bool,
    ) -> Message:
        operation = decode_operation(row)
        self._clock.spend(connection, spent)
        self._count(connection, counts, {})
        connection.owner.going = ""
        lines = None if stack is None else tuple((file, line) for file, line in stack)
        with self._state.callers.speaking_for(lines):
            call = decide(self.engines(), operation, _ELSEWHERE, already_decided=already_decided)
        call.who = connection.owner.thread, connection.process
        if operation.early_bound and call.decision is not None and call.decision.fault.kind == "short":
            escape_cut(call, call.decision)
        decided = None if call.decision is None else _decision_row(call.decision, call.decider)
        number = next(_numbers)
        models = _models_row(call)
        if call.witnesses or models is not None:
            connection.owner.remember(number, call)
        return "decided", number, call.at, bool(call.witnesses), decided, models

    def _asked(self, connection: ChildConnection, number: int) -> PendingCall:
        """Return a call that is under way."""
        call = connection.owner.asked.get(number)
        if call is None:
            raise Malformed
        return call

    def _models(self, connection: ChildConnection, number: int) -> Message:
        """Ask the models about a call after its delay."""
        call = self._asked(connection, number)
        if call.answers:
            return _allowed_row(call)
        if call.decision is None or call.decision.fault.kind != "delay":
            raise Malformed
        return _models_answer(call) or _DONE

    def _perform(self, connection: ChildConnection, number: int) -> Message:
        """Do what a model wants done in the place of a call."""
        answers = [answered.answer for answered in self._asked(connection, number).answers]
        perform = next((answer.perform for answer in answers if answer.perform is not None), None)
        if perform is None:
            raise Malformed
        try:
            result = perform()
        except OSError as error:
            return "failed", encode_failure(error)
        return "result", result

    def _performed(self, connection: ChildConnection, number: int, result: Any) -> Message:
        """Tell the models that have allowed a call that it has succeeded."""
        call = self._asked(connection, number)
        early = call.asked.early_bound
        if not call.answers or (result is None) is (call.asked.name in LISTINGS and not early):
            raise Malformed
        for model, asked, answer in call.answers:
            if early:
                model.passed(asked, answer)
            else:
                result = model.done(asked, answer, result)
        return _DONE if early else ("result", result)

    def _translate(
        self, _connection: ChildConnection, operation: list[Any], row: list[Any] | None
    ) -> Message:
        error, asked = decode_failure(row), decode_operation(operation)
        model = next((engine.model for engine in self.engines() if engine.model is not None), None)
        if model is None or not isinstance(error, OSError) or asked.name not in OPERATIONS:
            return _DONE
        return "failed", encode_failure(model.translated(asked, error))

    def _noted(self, owner: ChildThread, *told: Any) -> None:
        """Record an outcome whose teller has gone on: what ends the session meets its next call."""
        with suppress(SimulatedCrash, RetryStorm):
            self._note(owner, *told)

    def _note(
        self,
        owner: ChildThread,
        number: int,
        outcome: Any,
        row: list[Any] | None,
        fault: str | None,
        reason: str,
    ) -> Message:
        error = decode_failure(row)
        call = owner.asked.pop(number, None)
        if call is None:
            return _DONE  # its thread was taken for gone
        if outcome == "passed":
            owner.going = call.operation.name  # it is about to be made
        hold = None if call.decision is None else call.decision.hold
        call.note(outcome, error, Handling(fault, call.remark or reason, call.at, hold))
        if outcome == "crashed" and call.decider is not None:
            call.decider.on_end()
            self.crashed(owner.process.number)
        return _DONE

    def _entry(
        self,
        owner: ChildThread,
        at: int,
        name: str,
        path: str,
        target: str | None,
        site: str,
        outcome: Any,
        row: list[Any] | None,
        reason: str,
    ) -> Message:
        """Write down a call that no rule concerned, for the sessions that record all."""
        error, who = decode_failure(row), (owner.thread, owner.process.number)
        operation = Operation(name, path, target, call_site=site)
        for engine in self.engines():
            if engine.covers(operation):
                engine.record(operation, Handling(None, reason, at / SECOND), outcome, error, who)
        return _DONE

    def _count(
        self, connection: ChildConnection, counts: dict[str, tuple[int, list[str]]], outside: dict[str, str]
    ) -> Message:
        """Count the calls that no rule concerned; they come as totals, so that no report counts twice."""
        known = connection.owner.process.counts
        for name, (total, paths) in counts.items():
            calls = total - known.get(name, 0)
            if calls > 0:
                known[name] = total
                for engine in self.engines():
                    engine.count(name, calls, paths[-calls:])
        for engine in self.engines():
            engine.outside.update(outside)
        return _DONE

    def _escape(self, _connection: ChildConnection, told: str) -> Message:
        for engine in self.engines()[:1]:
            engine.escape(told)
        return _DONE


def _elsewhere() -> Any:
    raise AssertionError("the call is made by the process that has asked")


_ELSEWHERE = Action(_elsewhere)


def _decision_row(decision: Decision, decider: Sessions | None) -> Message:
    """Return a decision as plain values, with what ended the session that made it."""
    ended = None if decider is None or decider.ended is None else encode_ending(decider.ended)
    fault = str(decision.fault)
    return fault, decision.reason, decision.note, decision.trial, ended, decision.unless_alike


def _models_row(call: PendingCall) -> Message | None:
    """Return what the models say of a call that is about to be made; None if they need not be asked."""
    if all(ruling.judge is None for _, ruling in call.rulings):
        return None
    fault = None if call.decision is None else call.decision.fault
    if fault is not None and fault.kind == "delay":
        return ("later",)
    if fault is not None and _is_in_its_place(fault, call.operation.name):
        return None
    return _models_answer(call)


def _is_in_its_place(fault: Fault, name: str) -> bool:
    """Return whether a fault comes instead of the call."""
    if fault.kind == "error":
        return not fault.after and name not in CLOSES
    return fault.kind == "crash"


def _models_answer(call: PendingCall) -> Message | None:
    """Ask the models about a call that is about to be made; return their answer as plain values."""
    refused = call.ask_models()
    if refused is not None:
        assert refused.fault.error is not None  # noqa: S101  # a model refuses by errors
        return "refused", refused.fault.error.winerror, refused.reason
    return _allowed_row(call) if call.answers else None


def _allowed_row(call: PendingCall) -> Message:
    answers = [answered.answer for answered in call.answers]
    performs = any(answer.perform is not None for answer in answers)
    fails = any(answer.fails for answer in answers)
    return "allowed", answers[-1].path, answers[-1].target, performs, fails, _must_be_told(call.asked)


def _must_be_told(operation: Operation) -> bool:
    """Return whether a model has to know that a call has succeeded."""
    if operation.name in {"os.close", "file.close"}:
        return bool(operation.detail)
    return "mutate" in operation.groups or (operation.early_bound and operation.name not in LISTINGS)
