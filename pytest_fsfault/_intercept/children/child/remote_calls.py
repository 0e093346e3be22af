"""What a child reports of a call: to the parent, which has decided about it, or into the log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from pytest_fsfault._core.clock import SECOND
from pytest_fsfault._intercept.children.protocol import encode_failure

if TYPE_CHECKING:
    from pytest_fsfault._core.engine.interfaces import ClockView
    from pytest_fsfault._core.engine.records import Handling, Outcome
    from pytest_fsfault._core.language.operations import Operation
    from pytest_fsfault._intercept.children.message_log import LogWriter
    from pytest_fsfault._intercept.children.protocol import Message

# pytest leaves the frames of this module out of tracebacks: they are not the user's.
__tracebackhide__ = True


class Reporting(Protocol):
    """The sessions of the parent, as a call reports to them."""

    clock: ClockView

    def ask(self, *message: Any) -> Message:
        """Return the parent's answer."""
        ...

    def tell(self, *message: Any) -> None:
        """Tell the parent what need not be answered."""

    def log(self) -> LogWriter | None:
        """Return the log, made when it is first needed."""
        ...


# The call is about to be made by another thread, or all is over.
_AWAITED = frozenset({"passed", "crashed"})


class RemoteCall:
    """One call about which the parent has decided, and wants to know what becomes of it."""

    def __init__(self, sessions: Reporting, number: int) -> None:
        self._sessions = sessions
        self._number = number
        self.clock = sessions.clock

    @property
    def journal(self) -> RemoteCall:
        """Where the entry goes."""
        return self

    def note(
        self,
        operation: Operation,
        handling: Handling,
        outcome: Outcome,
        error: BaseException | None,
        who: tuple[int, int] | None = None,
    ) -> None:
        """Report the outcome to the parent; wait for it where what comes next must find it known there."""
        del operation, who
        __tracebackhide__ = True
        report = self._sessions.ask if outcome in _AWAITED else self._sessions.tell
        report("note", self._number, outcome, encode_failure(error), handling.fault, handling.reason)

    def watch_for_storm(self, operation: Operation, outcome: Outcome) -> None:
        """Do nothing: the parent counts the storms of all processes."""


class ObservedCall:
    """One call that no rule concerns, and that goes into the log with what becomes of it."""

    def __init__(self, sessions: Reporting, operation: Operation) -> None:
        self._sessions = sessions
        self.clock = sessions.clock
        log = sessions.log()
        self._before = None if log is None else log.mark(operation.name)

    @property
    def journal(self) -> ObservedCall:
        """Where the entry goes."""
        return self

    # Hot: for each call under `observe`.
    def note(
        self,
        operation: Operation,
        handling: Handling,
        outcome: Outcome,
        error: BaseException | None,
        who: tuple[int, int] | None = None,
    ) -> None:
        """Write down what became of the call."""
        del who
        __tracebackhide__ = True
        sessions = self._sessions
        sessions.tell(
            "entry", round(handling.at * SECOND), operation.name, str(operation.path),
            None if operation.target is None else str(operation.target), operation.call_site, outcome,
            encode_failure(error), handling.reason,
        )  # fmt: skip
        # Who passes it on goes ahead only now.
        if self._before is not None and outcome != "passed" and (log := sessions.log()) is not None:
            log.unmark(self._before)

    def watch_for_storm(self, operation: Operation, outcome: Outcome) -> None:
        """Do nothing: no error was injected."""
