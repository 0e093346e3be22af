"""The sessions of the parent as one engine of the child: decisions are asked for, outcomes reported."""

from __future__ import annotations

import re
import shutil
import sys
from _thread import _local
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from pytest_fsfault._core.engine.endings import RetryStorm, SimulatedCrash
from pytest_fsfault._core.engine.engine import Engine
from pytest_fsfault._core.engine.interfaces import Answer
from pytest_fsfault._core.engine.listings import LISTINGS, Entries
from pytest_fsfault._core.engine.plan import Decision, Plan
from pytest_fsfault._core.engine.status import windows_status
from pytest_fsfault._core.language.faults import Fault
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

    from pytest_fsfault._core.engine.interfaces import ClockView, Witness
    from pytest_fsfault._core.engine.journal import Handling, Outcome
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

    def successor(self, engine: RemoteEngine) -> RemoteEngine | None:
        """Return the engine that has taken the place of `engine`, in a process forked since."""


class RemoteEngine(Engine):
    """All sessions of the parent in one.

    What no rule concerns is known here, by the same quick tests as there; about everything else the parent
    decides, and counts, and writes it down.
    """

    def __init__(
        self,
        client: Client,
        callers: Callers,
        clock: ClockView,
        link: Link,
        drain_counts: Callable[[], object],
    ) -> None:
        super().__init__(clock, ())
        self._client = client
        self._callers = callers
        self._link = link
        self._missed: dict[str, int] = {}  # calls that were not decided, by reason
        self._stacks = False
        self._told: dict[str, int] = {}
        self._local: Any = _local()
        self._drain = drain_counts  # hands over what was counted
        self.plan = RemotePlan()
        self.escapes = RemoteEscapes(self)

    # What holds.

    def follow(self, rules: Message) -> int:
        """Take in what holds; return the number of the change."""
        _, generation, roots, tests, speaks, model, ended, stacks = rules[:8]
        self.roots = tuple(roots)
        self.gate = bool(roots)
        self._stacks = self.sorts = stacks
        self.plan = RemotePlan(tests, speaks=speaks)
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

    def tell_counts(self) -> None:
        """Tell of the calls that no rule concerned."""
        self._told.clear()
        totals = self._totals()
        if totals or self._outside:
            self.ask("count", totals, dict(self._outside))
        elif self._missed:
            self._tell_missed()

    def _totals(self) -> dict[str, tuple[int, list[str]]]:
        """Return what was counted in all, by operation, where it has changed since the last time."""
        self._drain()
        totals = {}
        with self._lock:
            for name, tally in self._tallies.items():
                if tally.count != self._told.get(name, 0):
                    totals[name] = tally.count, list(tally.paths)
                self._told[name] = tally.count
        return totals

    # What is decided.

    def ask_model(self, operation: Operation) -> Answer | None:
        """Return what the model of the parent says; raise what has ended the session."""
        __tracebackhide__ = True
        decided = self._local.decided = self._decide(operation, already_decided=False)
        if decided == _NOBODY or self.model is None:
            return None
        _, number, _, fault, model = decided
        if model is not None:
            path, target, performs, fails, tells = model
            perform = partial(self.perform, number) if performs else None
            return Answer(path, target, perform=perform, about=(number, tells), fails=fails)
        if fault is None or not fault[2]:
            return None
        refusal = Fault.parse(fault[0])
        assert refusal.error is not None  # noqa: S101  # a model refuses by errors
        return Answer(operation.path, operation.target, refusal.error.winerror or 0, fault[2])

    def note_refusal(self, operation: Operation) -> Witness:
        """Return who tells the parent what becomes of a call that its model refuses."""
        del operation
        return RemoteCall(self, self._local.decided[1])

    def consult(
        self, operation: Operation, *, already_decided: bool
    ) -> tuple[Decision | None, Witness | None]:
        """Return what the parent decides, and who tells it what becomes of that, if it wants to know."""
        __tracebackhide__ = True
        decided, self._local.decided = getattr(self._local, "decided", None), None
        if decided is None or already_decided:
            decided = self._decide(operation, already_decided=already_decided)
        if decided == _NOBODY:
            return None, None
        _, number, wanted, fault, _ = decided
        witness = RemoteCall(self, number) if wanted else None
        if fault is None:
            return None, witness
        text, reason, note, self.trial, ended = fault
        if ended is not None:
            self.ended = decode_ending(ended)
        return Decision(Fault.parse(text), reason, note=note), witness

    def _decide(self, operation: Operation, *, already_decided: bool) -> Message:
        __tracebackhide__ = True
        clock = self.clock
        stack = self._callers.stack(sys._getframe(1), None) if self._stacks else None
        unreported = clock.spent_in_all() if isinstance(clock, RemoteClock) else 0
        return self.ask(
            "ask", unreported, self._totals(), encode_operation(operation), stack, already_decided
        )

    def perform(self, number: int) -> Any:
        """Let the parent do what its model wants done in the place of a call."""
        __tracebackhide__ = True
        return _result(self.ask("perform", number))


def _result(answer: Message) -> Any:
    __tracebackhide__ = True
    if answer[0] == "failed":
        error = decode_failure(answer[1])
        assert error is not None  # noqa: S101  # it has failed
        raise error
    return answer[1] if len(answer) > 1 else None


_NOBODY: Message = ("gone",)


class RemoteCall:
    """One call about which the parent has decided, and wants to know what becomes of it."""

    def __init__(self, engine: RemoteEngine, number: int) -> None:
        self._engine = engine
        self._number = number
        self.clock = engine.clock

    @property
    def journal(self) -> RemoteCall:
        """Where the entry goes."""
        return self

    def note(
        self,
        _operation: Operation,
        _verdict: Handling,
        outcome: Outcome,
        error: BaseException | None,
        _who: tuple[int, int] | None = None,
    ) -> None:
        """Tell the parent; raise what ends the session."""
        __tracebackhide__ = True
        self._engine.ask("note", self._number, outcome, encode_failure(error))

    def watch_for_storm(self, operation: Operation, outcome: Outcome) -> None:
        """Leave it to the parent, who counts the storms of all."""


class RemotePlan(Plan):
    """The quick tests of the parent's rules, and of its model."""

    def __init__(self, tests: Mapping[str, Sequence[Any]] | None = None, *, speaks: bool = False) -> None:
        super().__init__()
        self._tests = tests or {}
        self._speaks = speaks
        self._concerned = frozenset(name for name, ends in self._tests.items() if any(ends))

    @property
    def speaks_windows(self) -> bool:
        """Whether a rule in force raises a Windows error."""
        return self._speaks

    @property
    def names(self) -> frozenset[str]:
        """All operations that anything in force can match."""
        return self._concerned

    def superset(self, name: str, roots: Sequence[str], *, target: bool) -> Callable[[str], object] | None:
        """Return a quick test that fails only on paths (or targets) of `name` that nobody means."""
        del roots
        tests = self._tests.get(name, ())
        found = tests[target] if len(tests) > target else None
        if not found:
            return None
        if found is True:
            return _always
        made = [getattr(re.compile(pattern, flags), method) for method, pattern, flags in found]
        return made[0] if len(made) == 1 else lambda path: any(test(path) for test in made)


def _always(_path: str) -> bool:
    return True


class RemoteModel:
    """The Windows model of the parent."""

    def __init__(self, engine: RemoteEngine, patches: Message) -> None:
        self._engine = engine
        self._patches = patches

    def concerns(self, name: str, *, target: bool) -> None:
        """Leave it to the plan, whose quick tests are those of both."""

    def fast_path(self, name: str) -> None:
        """Ease nothing: only the parent knows who has what open."""

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
            self._engine.ask("performed", number, None)
        return result

    def _listed(self, number: int, result: Any) -> Any:
        if isinstance(result, list):
            return _result(self._engine.ask("performed", number, result)) or result
        listing = Entries(result)
        entries = {entry.name: entry for entry in listing}
        names = _result(self._engine.ask("performed", number, list(entries))) or list(entries)
        listing.take([entries[name] for name in names])
        return listing

    def passed(self, operation: Operation, answer: Answer) -> None:
        """Tell the parent that an operation goes ahead whose result nobody will tell."""
        del operation
        number, tells = answer.about
        if tells:
            self._engine.ask("performed", number, None)

    def judge(self, operation: Operation) -> Answer:
        """Ask the parent."""
        return self._engine.ask_model(operation) or Answer(operation.path, operation.target)

    def translated(self, operation: Operation, error: OSError) -> OSError:
        """Return the error that Windows gives where this system gave `error`."""
        answer = self._engine.ask("translate", encode_operation(operation), encode_failure(error))
        found = decode_failure(answer[1]) if answer[0] == "failed" else None
        return found if isinstance(found, OSError) else error

    def view(self) -> Callable[[Any, object], Any]:
        """Return what shows the status of a file as Windows does, by what this system knows of it."""
        return windows_status

    def mapped(self) -> None:
        """Do nothing: the parent looks at what its children have mapped whenever it matters."""

    def forked(self) -> None:
        """Leave it: the parent looks at all that has been started."""

    def patches(self) -> Iterator[tuple[dict[str, Any], str, Any]]:
        """Yield what makes `shutil` work as on Windows."""
        for space, name, value in self._patches:
            yield _SPACES[space], name, value
        yield from temporary_files.patches()

    def wants_closes(self) -> bool:
        """Return whether anybody waits for files to be closed."""
        return self._engine.plan.superset("file.close", (), target=False) is not None


class RemoteEscapes(list[str]):
    """What got past the rules: the parent keeps it."""

    def __init__(self, engine: RemoteEngine) -> None:
        super().__init__()
        self._engine = engine

    def append(self, told: str) -> None:
        """Tell the parent."""
        self._engine.ask("escape", told)

    def extend(self, told: Iterable[str]) -> None:
        """Tell the parent."""
        for one in told:
            self.append(one)
