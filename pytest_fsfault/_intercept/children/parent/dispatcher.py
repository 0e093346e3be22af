"""Dispatch the messages of child processes: rules in force, decisions, outcomes, virtual waits."""

from __future__ import annotations

from _thread import get_ident
from typing import TYPE_CHECKING, Any

from pytest_fsfault._core.clock import VirtualClock
from pytest_fsfault._core.engine.endings import RetryStorm, SimulatedCrash
from pytest_fsfault._core.engine.records import Handling
from pytest_fsfault._intercept.children.parent.clock_questions import ClockQuestions
from pytest_fsfault._intercept.children.parent.connections import ChildProcess, ChildThread
from pytest_fsfault._intercept.children.parent.decisions import Decisions
from pytest_fsfault._intercept.children.parent.logs import Logs
from pytest_fsfault._intercept.children.parent.started import StartedProcess
from pytest_fsfault._intercept.children.protocol import (
    SAYS_WHEN_ATTACHED,
    Malformed,
    decode_failure,
    decode_operation,
    encode_ending,
)
from pytest_fsfault._intercept.children.shapes import (
    Question,
    check,
    is_number,
    is_row,
    is_span,
    is_text,
    is_texts,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pytest_fsfault._core.clock import Clock
    from pytest_fsfault._intercept.calls.state import InterceptState
    from pytest_fsfault._intercept.children.parent.connections import ChildConnection
    from pytest_fsfault._intercept.children.parent.started import StartedProcesses
    from pytest_fsfault._intercept.children.protocol import Message
    from pytest_fsfault._intercept.native.programs import Programs

_DONE = ("done",)
_LEAST = 2  # its number, and what is asked
_ATTACHING = frozenset(["thread", "hello", "rules"])  # what a child asks as long as it attaches itself


class Dispatcher:
    """Answer each kind of message from the sessions of this process."""

    def __init__(
        self,
        state: InterceptState,
        generation: Callable[[], int],
        clock: Callable[[], Clock | None],
        notify: Callable[[], object],
        starts: StartedProcesses,
        directories: Callable[[], Iterable[str]] = tuple,
    ) -> None:
        self._state = state
        self._clock = clock
        self._starts = starts
        self.native: Callable[[], Programs | None] = lambda: None  # who answers native programs
        self._processes: dict[tuple[int, int], ChildProcess] = {}
        self._threads: dict[tuple[ChildProcess, int], ChildThread] = {}
        self.clock = ClockQuestions(clock, notify)
        self.decisions = Decisions(state, generation, self.clock)
        self.decisions.crashed = self._kill_programs_of
        self.logs = Logs(
            directories,
            self.decisions.told,
            lambda process, thread: self._threads.get((process, thread)),
            lambda: not state.shut,
        )
        self._questions: dict[str, Question] = {
            "thread": Question(self._thread, (is_number, is_number, is_number, is_number)),
            "hello": Question(self._hello),
            "attached": Question(lambda _connection: _DONE),
            "log": Question(self.logs.open, (is_text,)),
            "read": Question(self._read, (is_span,)),
            "stray": Question(self._stray, (is_text, is_row, is_row)),
            "missed": Question(self._missed, (is_number, is_text)),
            "start": Question(self._start, (is_texts, is_text, is_text)),
            "filter": Question(self._filter),
            "listening": Question(self._listening, (is_number, is_text)),
            **self.decisions.questions,
            **self.clock.questions,
        }

    def answer(self, connection: ChildConnection, message: list[Any]) -> Message | None:
        """Return the answer to a message; None if it comes later.

        Raises:
            Malformed: if it is none that a child sends.

        """
        if len(message) < _LEAST or connection.wait is not None:
            raise Malformed
        number, verb, *arguments = message
        question = self._questions.get(verb) if isinstance(verb, str) else None
        if question is None or not is_number(number) or (not connection.process and verb != "thread"):
            raise Malformed
        check(question, arguments)
        connection.question = number
        connection.owner.process.attaching &= verb in _ATTACHING
        if self.logs:
            self.logs.read(connection.owner.process)  # it was before this
        try:
            return question.answer(connection, *arguments)
        except (SimulatedCrash, RetryStorm) as ending:
            return "ended", *encode_ending(ending)

    def forget(self, connection: ChildConnection) -> None:
        """Record that a connection is gone; with a thread's last one, the result of its call stays unknown."""
        if connection.wait is not None:
            connection.wait.clock.leave(connection.key)
            connection.wait = None
        owner = connection.owner
        owner.connections -= 1
        if not connection.process or owner.connections:
            return
        self.logs.read(owner.process)
        self._threads.pop((owner.process, owner.thread), None)
        if not any(process is owner.process for process, _ in self._threads):
            self.logs.end(owner.process)
        asked, owner.asked = owner.asked, {}
        for call in asked.values():
            call.note("passed")
        if owner.clock is not None:
            owner.clock.external_done(owner.key, 0)

    def _kill_programs_of(self, process: int) -> None:
        """Let a crash of a child end the native programs that it has started."""
        native = self.native()
        if native is not None:
            native.kill_below(process, {child.number for child, _ in self._threads})

    # Who asks.

    def _thread(
        self, connection: ChildConnection, process: int, token: int, thread: int, native: int
    ) -> Message:
        if connection.process or not process:
            raise Malformed
        child = self._processes.setdefault(
            (process, token), ChildProcess(process, attaching=SAYS_WHEN_ATTACHED)
        )
        owner = self._threads.setdefault((child, thread), ChildThread(child, thread, native))
        owner.connections += 1
        connection.owner = owner
        self._starts.connected(process)
        return _DONE

    def _hello(self, _connection: ChildConnection) -> Message:
        """Return what holds as long as the session does: the clock, and what is not code under test."""
        clock = self._clock()
        if clock is None:
            raise Malformed  # the session is just over
        virtual = isinstance(clock, VirtualClock)
        return "welcome", virtual, clock.epoch, tuple(self._state.callers.machinery), clock.now_ns()

    def _read(self, connection: ChildConnection, spent: int) -> Message:
        """Record what a process has spent, and tell it how far its log was read."""
        self.clock.spend(connection, spent)
        return "read", *self.logs.read(connection.owner.process)

    def _stray(self, connection: ChildConnection, stray: str, row: list[Any], error: list[Any]) -> Message:
        """Write down that a child has refused a change outside the roots."""
        operation, refusal = decode_operation(row), decode_failure(error)
        who = connection.owner.thread, connection.process
        for engine in [one for one in self.decisions.engines() if one.guard is not None][:1]:
            assert engine.guard is not None  # noqa: S101  # asked before
            reason = engine.guard.refuse(stray, operation.call_site)
            engine.journal.note(
                operation, Handling("EACCES", reason, engine.clock.now), "raised", refusal, who
            )
        return _DONE

    def _missed(self, connection: ChildConnection, calls: int, reason: str) -> Message:
        self._starts.trouble(
            f"{calls} call{'s'[: calls != 1]} of process {connection.process} met no fault, since they did not "
            f"reach this process: {reason}"
        )
        return _DONE

    def _start(self, connection: ChildConnection, arguments: list[str], reason: str, site: str) -> Message:
        self._starts.add(StartedProcess(tuple(arguments), reason, site), connection.process)
        native = self.native()
        if native is not None and native.is_filtered(connection.process):
            self._starts.reached(get_ident(), "")
        return _DONE

    # What a forked process starts, it starts under a filter of its own.

    def _filter(self, connection: ChildConnection) -> Message:
        native = self.native()
        return "filter", None if native is None else native.code(connection.process)

    def _listening(self, connection: ChildConnection, descriptor: int, site: str) -> Message:
        native = self.native()
        if native is None:
            return ("alone",)
        native.adopt(connection.process, descriptor, site)
        return _DONE
