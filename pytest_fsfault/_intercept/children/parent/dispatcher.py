"""Dispatch the messages of child processes: rules in force, decisions, outcomes, virtual waits."""

from __future__ import annotations

import shutil
from _thread import get_ident
from itertools import count
from os import fsdecode
from typing import TYPE_CHECKING, Any

from pytest_fsfault._core.clock import SECOND, VirtualClock, Wait
from pytest_fsfault._core.engine.endings import RetryStorm, SimulatedCrash
from pytest_fsfault._core.engine.execution import Action, decide, escape_cut
from pytest_fsfault._core.engine.listings import LISTINGS
from pytest_fsfault._core.language.operations import OPERATIONS
from pytest_fsfault._intercept.children.parent.connections import ChildWait
from pytest_fsfault._intercept.children.parent.started import StartedProcess, StartedProcesses
from pytest_fsfault._intercept.children.protocol import (
    decode_failure,
    decode_operation,
    encode_ending,
    encode_failure,
)
from pytest_fsfault._intercept.fake.isolation import patcher

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_fsfault._core.engine.engine import Engine
    from pytest_fsfault._core.engine.execution import Answered
    from pytest_fsfault._core.language.operations import Operation
    from pytest_fsfault._intercept.calls.state import InterceptState
    from pytest_fsfault._intercept.children.parent.connections import ChildConnection
    from pytest_fsfault._intercept.children.protocol import Message
    from pytest_fsfault._intercept.children.shared_page import SharedState
    from pytest_fsfault._intercept.native.programs import Programs

_DONE = ("done",)
_numbers = count(1)


class Dispatcher:
    """Answer each kind of message from the sessions of this process."""

    def __init__(
        self,
        state: InterceptState,
        shared: SharedState,
        clock: Callable[[], Any],
        notify: Callable[[], object],
    ) -> None:
        self._state = state
        self._shared = shared
        self._clock = clock
        self._notify = notify
        self.starts = StartedProcesses()
        self.native: Callable[[], Programs | None] = lambda: None  # who answers native programs
        self._cancelled: set[tuple[int, int]] = set()
        self._answers: dict[str, Callable[..., Message | None]] = {
            "hello": self._hello, "thread": self._thread, "rules": self._rules, "ask": self._ask, "perform": self._perform,
            "performed": self._performed, "translate": self._translate, "note": self._note, "spend": self._spend,
            "wait": self._wait, "cancel": self._cancel, "slept": self._slept, "bar": self._bar, "back": self._back,
            "count": self._count, "escape": self._escape, "start": self._start,
            "filter": self._filter, "listening": self._listening,
        }  # fmt: skip

    def engines(self) -> tuple[Engine, ...]:
        """Return the sessions that hold for child processes, the innermost first."""
        state = self._state
        if state.shut or patcher() is not None:
            return ()  # a fake file system is the parent's alone
        return tuple(engine for engine in state.engines if engine.gate and engine.children)

    def answer(self, connection: ChildConnection, message: Message) -> Message | None:
        """Return the answer to a message; None if it comes later."""
        verb, *arguments = message
        try:
            return self._answers[verb](connection, *arguments)
        except (SimulatedCrash, RetryStorm) as ending:
            return "ended", *encode_ending(ending)

    def fail(self, error: Exception) -> None:
        """Take in that a question could not be answered: the one who has asked is alone from now on."""
        told = f"a child process got no answer, and went on without faults: {type(error).__name__}: {error}"
        for engine in self.engines()[:1]:
            engine.escapes.append(told)

    def forget(self, connection: ChildConnection) -> None:
        """Take in that a thread is gone: what it was about to do, nobody will tell."""
        for case, _ in connection.asked.values():
            if case.witnesses:
                case.note("passed")
        connection.asked.clear()
        if connection.wait is not None:
            connection.wait.clock.leave(connection.key)
            connection.wait = None
        if connection.clock is not None:
            connection.clock.external_done(connection.key, 0)

    def keep(self, processes: set[int]) -> None:
        """Take in which processes are left: nobody comes back for what the others have cancelled."""
        self._cancelled = {one for one in self._cancelled if one[0] in processes}

    # Who asks.

    def _hello(self, connection: ChildConnection, *who: int) -> Message:
        self._thread(connection, *who)
        return self._rules(connection)

    def _thread(self, connection: ChildConnection, process: int, thread: int, native: int) -> Message:
        connection.process, connection.thread, connection.native = process, thread, native
        return _DONE

    # What holds.

    def roots(self) -> tuple[str, ...]:
        """Return the roots of the sessions that hold for child processes."""
        return tuple(dict.fromkeys(root for engine in self.engines() for root in engine.roots))

    def _rules(self, _connection: ChildConnection) -> Message:
        engines, roots = self.engines(), self.roots()
        clock = self._clock()
        ended = next((engine.ended for engine in engines if engine.ended is not None), None)
        return (
            "rules", self._shared.generation, roots,
            {name: self._tests(name, engines) for name in OPERATIONS},
            any(engine.plan.speaks_windows for engine in engines),
            self._model(engines),
            None if ended is None else encode_ending(ended),
            any(engine.sorts for engine in engines),
            isinstance(clock, VirtualClock), clock.epoch,
            tuple(self._state.callers.machinery), clock.now_ns(),
        )  # fmt: skip

    def _tests(self, name: str, engines: tuple[Engine, ...]) -> Message:
        """Return for path and target what a quick test of them is made of."""
        ends = (False, True) if OPERATIONS[name].two_paths else (False,)
        eased = any(
            engine.model is not None and engine.model.fast_path(name) is not None for engine in engines
        )
        return tuple(
            (eased and not target) or _materials(self._state.tests(engines, name, target=target))
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
        row: Message,
        stack: Any,
        already_decided: bool,
    ) -> Message:
        self._spend(connection, spent)
        self._count(connection, counts, {})
        connection.going = ""
        operation = decode_operation(row)
        with self._state.callers.speaking_for(stack):
            case, decision, decider = decide(
                self.engines(), operation, _ELSEWHERE, already_decided=already_decided
            )
        case.who = connection.thread, connection.process
        fault = None
        if decision is not None and decider is not None:
            if operation.early_bound and decision.fault.kind == "short":
                escape_cut(case, decision, decider)
            else:
                ended = None if decider.ended is None else encode_ending(decider.ended)
                fault = str(decision.fault), decision.reason, decision.note, decider.trial, ended
        number = next(_numbers)
        if case.witnesses or case.answered is not None:
            connection.remember(number, case, decider)
        return "decided", number, bool(case.witnesses), fault, _answer_row(case.answered, operation)

    def _perform(self, connection: ChildConnection, number: int) -> Message:
        """Do what a model wants done in the place of a call."""
        answered = connection.asked[number][0].answered
        assert answered is not None  # noqa: S101  # only what a model has answered is done here
        assert answered.answer.perform is not None  # noqa: S101  # as it was told
        try:
            result = answered.answer.perform()
        except OSError as error:
            return "failed", encode_failure(error)
        return "result", result

    def _performed(self, connection: ChildConnection, number: int, result: Any) -> Message:
        """Take in that a call has succeeded about which a model has spoken."""
        answered = connection.asked[number][0].answered
        assert answered is not None  # noqa: S101  # as above
        model, asked, answer = answered
        if asked.early_bound:
            model.passed(asked, answer)
            return _DONE
        return "result", model.done(asked, answer, result)

    def _translate(self, _connection: ChildConnection, operation: Message, row: Message) -> Message:
        error = decode_failure(row)
        model = next((engine.model for engine in self.engines() if engine.model is not None), None)
        if model is None or not isinstance(error, OSError):
            return _DONE
        return "failed", encode_failure(model.translated(decode_operation(operation), error))

    def _note(self, connection: ChildConnection, number: int, outcome: Any, row: Message | None) -> Message:
        case, decider = connection.asked.pop(number)
        if outcome == "passed":
            connection.going = case.operation.name  # it is about to be made
        case.note(outcome, decode_failure(row))
        if outcome == "crashed" and decider is not None:
            decider.on_end()
        return _DONE

    def _count(
        self, _connection: ChildConnection, counts: dict[str, tuple[int, list[str]]], outside: dict[str, str]
    ) -> Message:
        for engine in self.engines():
            for name, (calls, paths) in counts.items():
                engine.count(name, calls, paths)
            engine.outside.update(outside)
        return _DONE

    def _escape(self, _connection: ChildConnection, told: str) -> Message:
        for engine in self.engines()[:1]:
            engine.escapes.append(told)
        return _DONE

    def _start(self, connection: ChildConnection, *fields: Any) -> Message:
        self.starts.add(StartedProcess(*fields))
        native = self.native()
        if native is not None and native.is_filtered(connection.process):
            self.starts.reached(get_ident(), "")
        return _DONE

    # What a forked process starts, it starts under a filter of its own.

    def _filter(self, _connection: ChildConnection) -> Message:
        native = self.native()
        return "filter", None if native is None else native.code()

    def _listening(self, connection: ChildConnection, descriptor: int, site: str) -> Message:
        native = self.native()
        if native is None:
            return ("alone",)
        native.adopt(connection.process, descriptor, site)
        return _DONE

    # What time it is.

    def _spend(self, _connection: ChildConnection, span: int) -> Message:
        clock = self._clock()
        if isinstance(clock, VirtualClock):
            if span:
                clock.advance_ns(span)
            clock.publish()
        return _DONE

    def _wait(self, connection: ChildConnection, spent: int, *request: Any) -> Message | None:
        self._spend(connection, spent)
        clock = self._clock()
        if (connection.process, request[0]) in self._cancelled:
            self._cancelled.discard((connection.process, request[0]))
            return ("notified",)
        if isinstance(clock, VirtualClock):
            clock.raise_if_ended()
            wait = ChildWait(clock, connection, request, self._notify)
            # In one step, as others see it: who waits must be among those whose turn it may be.
            with clock._mutex:
                clock._waiters[connection.key] = wait
                connection.wait = wait
            return None
        return ("due",)

    def _cancel(self, connection: ChildConnection, number: int) -> Message:
        self._cancelled.add((connection.process, number))
        return _DONE

    def take_cancelled(self, connection: ChildConnection) -> bool:
        """Return whether the wait of a thread was cancelled."""
        wait = connection.wait
        if wait is None or (connection.process, wait.number) not in self._cancelled:
            return False
        self._cancelled.discard((connection.process, wait.number))
        return True

    def _slept(self, connection: ChildConnection, began: int, span: int) -> Message:
        self._clock().waits.append(Wait(began / SECOND, span / SECOND, connection.thread, connection.process))
        return _DONE

    def _bar(self, connection: ChildConnection, instant: int) -> Message:
        clock = self._clock()
        if isinstance(clock, VirtualClock):
            connection.clock = clock
            clock.limit_jumps(connection.key, instant)
        return _DONE

    def _back(self, connection: ChildConnection, instant: int) -> Message:
        clock = self._clock()
        if isinstance(clock, VirtualClock):
            clock.external_done(connection.key, instant)
            clock.publish()
        connection.clock = None
        return _DONE


def _elsewhere() -> Any:
    raise AssertionError("the call is made by the process that has asked")


_ELSEWHERE = Action(_elsewhere)


def _answer_row(answered: Answered | None, operation: Operation) -> Message | None:
    """Return as plain values what a model has said of an operation."""
    if answered is None:
        return None
    answer = answered.answer
    return answer.path, answer.target, answer.perform is not None, answer.fails, _must_be_told(operation)


def _must_be_told(operation: Operation) -> bool:
    """Return whether a model has to know that a call has succeeded."""
    if operation.name in {"os.close", "file.close"}:
        return bool(operation.detail)
    return "mutate" in operation.groups or (operation.early_bound and operation.name not in LISTINGS)


def _materials(tests: list[Callable[[str], object]]) -> Any:
    """Return what quick tests are made of: the patterns of those that are patterns, True for any other."""
    found = []
    for test in tests:
        pattern = getattr(test, "__self__", None)
        if not hasattr(pattern, "pattern"):
            return True
        found.append((test.__name__, fsdecode(pattern.pattern), pattern.flags))  # type: ignore[union-attr]
    return tuple(found)
