"""The sessions of the parent as one engine of the child: decisions are asked for, outcomes reported."""

from __future__ import annotations

import re
import shutil
import sys
import threading
from contextlib import suppress
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from pytest_fsfault._core.engine.endings import RetryStorm, SimulatedCrash
from pytest_fsfault._core.engine.interfaces import Answer, Answered, Ruling
from pytest_fsfault._core.engine.journal import CallCounts, Handling
from pytest_fsfault._core.engine.listings import LISTINGS, Entries
from pytest_fsfault._core.engine.plan import Decision
from pytest_fsfault._core.engine.status import windows_status
from pytest_fsfault._core.language.faults import Fault
from pytest_fsfault._core.language.globs import within
from pytest_fsfault._core.language.operations import Temporary
from pytest_fsfault._host import temporary_files
from pytest_fsfault._intercept.calls.wrapper import STATUSES
from pytest_fsfault._intercept.children.child.connection import ParentGone, Unreachable
from pytest_fsfault._intercept.children.child.remote_clock import RemoteClock
from pytest_fsfault._intercept.children.protocol import (
    decode_ending,
    decode_failure,
    encode_failure,
    encode_operation,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from pytest_fsfault._core.engine.interfaces import ClockView
    from pytest_fsfault._core.engine.journal import Outcome, Tally
    from pytest_fsfault._core.language.operations import Operation
    from pytest_fsfault._intercept.children.child.connection import Client
    from pytest_fsfault._intercept.children.protocol import Message
    from pytest_fsfault._intercept.patching.callers import Callers

# pytest leaves the frames of this module out of tracebacks: they are not the user's.
__tracebackhide__ = True

_SPACES = {"shutil": vars(shutil), "rmtree": vars(shutil.rmtree)}


class Link(Protocol):
    """The attachment of a process, as its engine sees it."""

    def is_open(self) -> bool:
        """Return whether the parent still answers."""

    def leave(self) -> None:
        """Detach: the parent answers no more."""

    def successor(self, engine: RemoteSessions) -> RemoteSessions | None:
        """Return the sessions that have taken the place of `engine`, in a process forked since."""


class RemoteSessions:
    """All sessions of the parent.

    What no rule concerns is known here, by the same quick tests as there; about everything else the parent
    decides, and counts, and writes it down.
    """

    children = native = True
    observing = False  # what the parent records is asked for by the quick tests
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
        self.plan = RemoteRules()
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

    # What is in force.

    def follow(self, rules: Message) -> int:
        """Put the parent's rules in force; return the number of the change."""
        _, generation, roots, tests, speaks, model, ended, stacks = rules[:8]
        self.roots = tuple(roots)
        self.gate = bool(roots)
        self.sorts = stacks
        self.plan = RemoteRules(tests, speaks=speaks)
        self.model = None if model is None else RemoteModel(self, model)
        self.ended = None if ended is None else decode_ending(ended)
        return int(generation)

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

    def _unanswered(self, gone: ParentGone, message: Message) -> Message:
        """Go on without an answer: for this once, if others may still get one."""
        __tracebackhide__ = True
        successor = self._link.successor(self)
        if successor is not None:
            return successor.ask(*message)  # this is the copy of a question, in a process forked meanwhile
        if isinstance(gone, Unreachable) and self._link.is_open():
            reason = str(gone)
            self._missed[reason] = self._missed.get(reason, 0) + (message[0] == "ask")
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

    # What is decided.

    def covers(self, operation: Operation) -> bool:
        """Return whether the operation happens below a root while the parent's gate is open."""
        return self.gate and (
            within(operation.path, self.roots)
            or (operation.target is not None and within(operation.target, self.roots))
        )

    def decide(
        self, operation: Operation, _now: float | None = None, *, already_decided: bool = False
    ) -> Ruling:
        """Return what the parent decides, by its own clock; raise what has ended the session.

        What its models say comes with the answer, unless a delay has to pass before they are asked.
        """
        __tracebackhide__ = True
        clock = self.clock
        stack = self._callers.stack(sys._getframe(1), None) if self.sorts else None
        unreported = clock.spent_in_all() if isinstance(clock, RemoteClock) else 0
        answer = self.ask(
            "ask", unreported, self._totals(), encode_operation(operation), stack, already_decided
        )
        if answer == _NOBODY:
            return Ruling(None, 0.0, wanted=False, witness=RemoteCall(self, 0))
        _, number, at, wanted, decided, models = answer
        witness = RemoteCall(self, number)
        judge = None if models is None else partial(self._judge, number, models)
        return Ruling(None if decided is None else self._decision(decided), at, wanted, witness, judge)

    def _decision(self, row: Message) -> Decision:
        text, reason, note, trial, ended = row
        if ended is not None:
            self.ended = decode_ending(ended)
        return Decision(_fault(text), reason, note, trial)

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
        return _result(self.ask("perform", number))

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


@lru_cache(maxsize=64)
def _fault(text: str) -> Fault:
    return Fault.parse(text)


def _result(answer: Message) -> Any:
    __tracebackhide__ = True
    if answer[0] == "failed":
        error = decode_failure(answer[1])
        assert error is not None  # noqa: S101  # it has failed
        raise error
    return answer[1] if len(answer) > 1 else None


_NOBODY: Message = ("gone",)
#: The models are asked by a message of its own, once a delay has passed.
LATER = "later"


class RemoteCall:
    """One call about which the parent has decided, and wants to know what becomes of it."""

    def __init__(self, sessions: RemoteSessions, number: int) -> None:
        self._sessions = sessions
        self._number = number
        self.clock = sessions.clock

    @property
    def journal(self) -> RemoteCall:
        """Where the entry goes."""
        return self

    def note(
        self,
        _operation: Operation,
        handling: Handling,
        outcome: Outcome,
        error: BaseException | None,
        _who: tuple[int, int] | None = None,
    ) -> None:
        """Report the outcome to the parent; raise what ends the session."""
        __tracebackhide__ = True
        self._sessions.ask(
            "note", self._number, outcome, encode_failure(error), handling.fault, handling.reason
        )

    def watch_for_storm(self, operation: Operation, outcome: Outcome) -> None:
        """Do nothing: the parent counts the storms of all processes."""


class RemoteRules:
    """The quick tests of the parent's rules, and of its model."""

    def __init__(self, tests: Mapping[str, Sequence[Any]] | None = None, *, speaks: bool = False) -> None:
        self._tests = tests or {}
        self.speaks_windows = speaks
        self.names = frozenset(name for name, ends in self._tests.items() if any(ends))

    def superset(self, name: str, roots: Sequence[str], *, target: bool) -> Callable[[str], object] | None:
        """Return a quick test that fails only on paths (or targets) of `name` that no rule means."""
        del roots
        tests = self._tests.get(name, ())
        found = tests[target] if len(tests) > target else None
        if not found:
            return None
        if found is True:
            return _always
        made = [getattr(re.compile(pattern, flags), method) for method, pattern, flags in found]
        return made[0] if len(made) == 1 else partial(_any_of, made)


def _any_of(tests: Sequence[Callable[[str], object]], path: str) -> bool:
    for test in tests:  # noqa: SIM110  # no generator: an exception while one is closed would be lost
        if test(path):
            return True
    return False


def _always(_path: str) -> bool:
    return True


class RemoteModel:
    """The Windows model of the parent."""

    def __init__(self, sessions: RemoteSessions, patches: Message) -> None:
        self._sessions = sessions
        self._patches = patches

    def concerns(self, name: str, *, target: bool) -> None:
        """Return None: the quick tests of `RemoteRules` are those of rules and model."""

    def fast_path(self, name: str) -> None:
        """Return None: only the parent knows who has what open."""

    def done(self, operation: Operation, answer: Answer, result: Any) -> Any:
        """Tell the parent that an operation has succeeded; return what the caller gets."""
        number, tells = answer.about
        if isinstance(operation.detail, Temporary):
            temporary_files.OPENED.add(operation.path)
        if operation.name in STATUSES:
            return windows_status(result, answer.path)
        if operation.name in LISTINGS:
            return self._listed(number, result)
        if tells:
            self._sessions.ask("performed", number, None)
        return result

    def _listed(self, number: int, result: Any) -> Any:
        if isinstance(result, list):
            return _result(self._sessions.ask("performed", number, result)) or result
        listing = Entries(result)
        entries = {entry.name: entry for entry in listing}
        names = _result(self._sessions.ask("performed", number, list(entries))) or list(entries)
        listing.take([entries[name] for name in names])
        return listing

    def passed(self, operation: Operation, answer: Answer) -> None:
        """Tell the parent that an operation goes ahead whose result is not seen."""
        del operation
        number, tells = answer.about
        if tells:
            self._sessions.ask("performed", number, None)

    def spelled(self, operation: Operation) -> Operation:
        """Return the operation as it is: the parent looks its paths up."""
        return operation

    def translated(self, operation: Operation, error: OSError) -> OSError:
        """Return the error that Windows gives where this system gave `error`."""
        answer = self._sessions.ask("translate", encode_operation(operation), encode_failure(error))
        found = decode_failure(answer[1]) if answer[0] == "failed" else None
        return found if isinstance(found, OSError) else error

    def view(self) -> Callable[[Any, object], Any]:
        """Return what shows the status of a file as Windows does, by what this system knows of it."""
        return windows_status

    def mapped(self) -> None:
        """Do nothing: the parent looks at what its children have mapped whenever it matters."""

    def forked(self) -> None:
        """Do nothing: the parent looks at all that has been started."""

    def patches(self) -> Iterator[tuple[dict[str, Any], str, Any]]:
        """Yield what makes `shutil` work as on Windows."""
        for space, name, value in self._patches:
            yield _SPACES[space], name, value
        yield from temporary_files.patches()

    def wants_closes(self) -> bool:
        """Return whether anybody waits for files to be closed."""
        return self._sessions.plan.superset("file.close", (), target=False) is not None
