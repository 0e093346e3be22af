"""The sessions of the parent as one engine of the child: decisions are asked for, outcomes reported."""

from __future__ import annotations

import sys
import threading
from _thread import get_ident
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from pytest_fsfault._core.engine.counts import CallCounts, ends_text
from pytest_fsfault._core.engine.endings import RetryStorm, SimulatedCrash
from pytest_fsfault._core.engine.guard import Guard
from pytest_fsfault._core.engine.interfaces import Answer, Answered, Ruling
from pytest_fsfault._core.engine.records import Decision
from pytest_fsfault._core.language.roots import within
from pytest_fsfault._host.paths import roots_of_another_process
from pytest_fsfault._intercept.children.child.answers import LATER, parsed
from pytest_fsfault._intercept.children.child.connection import ParentGone, Unreachable
from pytest_fsfault._intercept.children.child.remote_calls import ObservedCall, RemoteCall
from pytest_fsfault._intercept.children.child.remote_clock import RemoteClock
from pytest_fsfault._intercept.children.child.remote_model import RemoteModel, RemoteRules, result_of
from pytest_fsfault._intercept.children.protocol import (
    decode_ending,
    encode_failure,
    encode_operation,
    write,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pytest_fsfault._core.engine.counts import Tally
    from pytest_fsfault._core.engine.interfaces import ClockView
    from pytest_fsfault._core.language.operations import Operation
    from pytest_fsfault._intercept.children.child.connection import Client
    from pytest_fsfault._intercept.children.message_log import LogWriter
    from pytest_fsfault._intercept.children.protocol import Message
    from pytest_fsfault._intercept.patching.callers import Callers

# pytest leaves the frames of this module out of tracebacks: they are not the user's.
__tracebackhide__ = True


class Link(Protocol):
    """The attachment of a process, as its engine sees it."""

    def is_open(self) -> bool:
        """Return whether the parent still answers."""
        ...

    def leave(self) -> None:
        """Detach: the parent answers no more."""

    def successor(self, engine: RemoteSessions) -> RemoteSessions | None:
        """Return the sessions that have taken the place of `engine`, in a process forked since."""
        ...

    def open_log(self) -> LogWriter | None:
        """Return the log by which this process tells its parent; None if there can be none."""
        ...


class RemoteSessions:
    """All sessions of the parent.

    What no rule concerns is known here, by the same quick tests as there; if the parent records every call, it is
    written into a log, which the parent reads. About everything else the parent decides, and counts.
    """

    children = native = True
    named: tuple[str, ...] | None = ()

    def __init__(
        self,
        client: Client,
        callers: Callers,
        clock: ClockView,
        link: Link,
        drain_counts: Callable[[], object],
    ) -> None:
        self.clock = clock
        self.roots: tuple[str, ...] = ()
        self.gate = self.ticking = False
        self.sorts = False
        self.observing = False  # whether the parent records also what no rule concerns
        self.plan = RemoteRules()
        self.guard: Guard | None = None
        self.model: RemoteModel | None = None
        self.ended: BaseException | None = None
        self.on_end: Callable[[], object] = _nothing
        self.on_filesystem_change: Callable[[object], object] = _nothing
        self._client = client
        self._callers = callers
        self._link = link
        self._missed: dict[str, int] = {}  # calls that were not decided, by reason
        self._drain_counts = drain_counts
        self._lock = threading.RLock()
        self._counts = CallCounts(self._lock)
        self._reported: dict[str, int] = {}
        self._log: LogWriter | None = None
        self._has_errors = False  # whether all is loaded that a call needs which fails
        self._has_log = False  # whether it was tried to have one

    # What is in force.

    def follow(self, rules: Message) -> int:
        """Put the parent's rules in force; return the number of the change."""
        _, generation, roots, tests, speaks, model, ended, stacks, self.observing, allowed = rules[:10]
        self.roots = roots_of_another_process(roots)
        self.gate = bool(roots)
        self.sorts = stacks
        self.plan = RemoteRules(tests, speaks=speaks)
        self.model = None if model is None else RemoteModel(self, model)
        self.ended = None if ended is None else decode_ending(ended)
        self.guard = None if allowed is None else Guard(lambda: allowed)
        needed = self.observing or speaks or self.model is not None or self.guard is not None
        with suppress(*() if needed else (OSError, ImportError)):  # tried again by `decide`
            self._load_errors()
        return int(generation)

    def _load_errors(self) -> None:
        """Load what a call needs that fails or is refused."""
        import pytest_fsfault._intercept.children.child.needed  # noqa: F401, PLC0415

        self._has_errors = True

    def ask(self, *message: Any) -> Message:
        """Return the parent's answer; leave, if there is none."""
        __tracebackhide__ = True
        try:
            answer = self._client.ask(*message)
        except ParentGone as gone:
            return self._unanswered(gone, message)
        except (SimulatedCrash, RetryStorm) as ending:
            self.ended = ending
            raise
        if self._missed:
            self._tell_missed()
        return answer

    def tell(self, *message: Any) -> None:
        """Tell the parent what need not be answered, such that it is known also if this process is killed now."""
        __tracebackhide__ = True
        log = self.log()
        if log is not None:
            body = write((get_ident(), *message))
            if log.put(body):
                return
            self.flush()
            if log.put(body):
                return
        self.ask(*message)

    def log(self) -> LogWriter | None:
        """Return the log, made when it is first needed; until it is there other threads ask.

        There is one: of two the parent would read what a thread has written first after what it has written last.
        """
        if not self._has_log:
            self._has_log = True  # in one step with the test: no call is between them
            log = self._link.open_log()
            if log is not None and self.ask("log", log.name)[0] == "done":
                self._log = log
        return self._log

    def flush(self) -> None:
        """Let the parent read the log, if there is one."""
        log = self._log
        if log is not None:
            with suppress(SimulatedCrash, RetryStorm):
                answer = self.ask("read", self._spent())
                if answer[0] == "read":
                    log.restart(*answer[1:])

    def sever(self) -> None:
        """In a forked child: leave the log to the process that was forked."""
        if self._log is not None:
            self._log.sever()

    def _spent(self) -> int:
        """Return what this process has spent, in nanoseconds of the clock."""
        return self.clock.spent_in_all() if isinstance(self.clock, RemoteClock) else 0

    def _unanswered(self, gone: ParentGone, message: Message) -> Message:
        """Go on without an answer: for this once, if others may still get one."""
        __tracebackhide__ = True
        successor = self._link.successor(self)
        if successor is not None:
            return successor.ask(*message)  # this is the copy of a question, in a process forked meanwhile
        if isinstance(gone, Unreachable) and self._link.is_open():
            self._miss(str(gone), message[0] == "ask")
        else:
            self.gate = False
            self._link.leave()
        return _NOBODY

    def _tell_missed(self) -> None:
        missed, self._missed = self._missed, {}
        for reason, calls in missed.items():
            if calls:
                with suppress(ParentGone):
                    self._client.ask("missed", calls, reason)

    # What was counted.

    @property
    def tallies(self) -> dict[str, Tally]:
        """Calls below the roots about which the parent was not asked, by operation."""
        return self._counts.tallies

    @property
    def counted(self) -> int:
        """How many of these there were, of all operations."""
        return self._counts.total

    @property
    def outside(self) -> dict[str, str]:
        """A path outside the roots on which an operation was seen."""
        return self._counts.outside

    def count(self, name: str, calls: int, paths: Iterable[str]) -> None:
        """Count calls that no rule concerned."""
        self._counts.count(name, calls, paths)

    def tell_counts(self) -> None:
        """Tell of the calls that no rule concerned."""
        self._reported.clear()
        totals = self._totals()
        if totals or self.outside:
            self.ask("count", totals, dict(self.outside))
        elif self._missed:
            self._tell_missed()

    def _totals(self) -> dict[str, tuple[int, list[str]]]:
        """Return what was counted in all, by operation, where it has changed since the last time."""
        self._drain_counts()
        totals = {}
        with self._lock:
            for name, tally in self.tallies.items():
                if tally.count != self._reported.get(name, 0):
                    totals[name] = tally.count, list(tally.paths)
                self._reported[name] = tally.count
        return totals

    def escape(self, told: str) -> None:
        """Report a call that got past the rules."""
        self.ask("escape", told)

    def note_stray(self, operation: Operation, stray: str, reason: str, error: OSError) -> None:
        """Tell the parent that the guard has refused an operation, which would have changed `stray`."""
        del reason
        self.ask("stray", stray, encode_operation(operation), encode_failure(error))

    # What is decided.

    def covers(self, operation: Operation) -> bool:
        """Return whether the operation happens below a root while the parent's gate is open."""
        path, target = operation.path, operation.target or operation.path
        return self.gate and (within(path, self.roots) or within(target, self.roots))

    def decide(
        self, operation: Operation, now: float | None = None, *, already_decided: bool = False
    ) -> Ruling:
        """Return what the parent decides, by its own clock; raise what has ended the session.

        What its models say comes with the answer, unless a delay has to pass before they are asked.
        """
        __tracebackhide__ = True
        del now
        if self.observing and not self.plan.concerns(operation):
            return self._record(operation)
        if not self._has_errors:
            try:
                self._load_errors()
            except (OSError, ImportError) as error:
                self._miss(getattr(error, "strerror", None) or str(error))
                return self._undecided()
        stack = self._callers.stack(sys._getframe(1), None) if self.sorts else None
        answer = self.ask(
            "ask", self._spent(), self._totals(), encode_operation(operation), stack, already_decided
        )
        if answer == _NOBODY:
            return self._undecided()
        _, number, at, wanted, decided, models = answer
        witness = RemoteCall(self, number)
        judge = None if models is None else partial(self._judge, number, models)
        return Ruling(None if decided is None else self._decision(decided), at, wanted, witness, judge)

    def _undecided(self) -> Ruling:
        return Ruling(None, 0.0, wanted=False, witness=RemoteCall(self, 0))

    def _miss(self, reason: str, calls: int = 1) -> None:
        """Count calls about which the parent could not be asked."""
        self._missed[reason] = self._missed.get(reason, 0) + calls

    def _record(self, operation: Operation) -> Ruling:
        """Let a call happen that no rule concerns, and that the parent wants to know of."""
        self._counts.count(operation.name, 1, [ends_text(operation.path, operation.target)])
        return Ruling(None, self.clock.now, True, ObservedCall(self, operation))

    def _decision(self, row: Message) -> Decision:
        text, reason, note, trial, ended, unless_alike = row
        if ended is not None:
            self.ended = decode_ending(ended)
        return Decision(parsed(text), reason, note, trial, unless_alike=unless_alike)

    def _judge(self, number: int, models: Message, operation: Operation) -> Answered | None:
        """Return what the models of the parent say."""
        __tracebackhide__ = True
        if models[0] == LATER:
            models = self.ask("models", number)
        if self.model is None or models[0] not in {"allowed", "refused"}:
            return None
        if models[0] == "refused":
            _, code, reason = models
            return Answered(self.model, operation, Answer(operation.path, operation.target, code, reason))
        _, path, target, performs, fails, tells = models
        perform = partial(self.perform, number) if performs else None
        answer = Answer(path, target, perform=perform, about=(number, tells), fails=fails)
        return Answered(self.model, operation, answer)

    def hold_up(self, operation: Operation) -> None:
        """Do nothing: the parent has seen it."""

    def perform(self, number: int) -> Any:
        """Let the parent do what its model wants done in the place of a call."""
        __tracebackhide__ = True
        return result_of(self.ask("perform", number))

    def raise_if_ended(self) -> None:
        """Raise again what ended the session."""
        __tracebackhide__ = True
        if self.ended is not None:
            raise type(self.ended)(*self.ended.args)

    def end(self, reason: BaseException) -> NoReturn:
        """Let nothing more happen, and raise `reason`, now and at every later call."""
        __tracebackhide__ = True
        self.ended = reason
        self.on_end()
        raise reason


def _nothing(*_: object) -> None:
    """Do nothing: the parent does it."""


_NOBODY: Message = ("gone",)
