"""Answer what children ask of the virtual clock: what they have spent, and their waits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_fsfault._core.clock import SECOND, VirtualClock, Wait
from pytest_fsfault._intercept.children.parent.connections import ChildWait
from pytest_fsfault._intercept.children.shapes import (
    Question,
    is_number,
    is_row,
    is_span,
    is_text,
    is_truth,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_fsfault._core.clock import Clock
    from pytest_fsfault._intercept.children.parent.connections import ChildConnection
    from pytest_fsfault._intercept.children.protocol import Message

_DONE = ("done",)
_BOTH = 2  # times: of access and change
_END = 1 << 62  # nanoseconds: no child moves the clock beyond


class ClockQuestions:
    """The part of child processes in the clock of this one."""

    def __init__(self, clock: Callable[[], Clock | None], notify: Callable[[], object]) -> None:
        self.clock = clock
        self._notify = notify
        self._cancelled: set[tuple[int, int]] = set()
        self.questions = {
            "spend": Question(self.spend, (is_span,)),
            "advance": Question(self._advance, (is_span, is_span)),
            "wait": Question(self._wait, (is_span, is_number, is_span, is_truth, is_span, is_truth)),
            "cancel": Question(self._cancel, (is_number,)),
            "slept": Question(self._slept, (is_span, is_span)),
            "bar": Question(self._bar, (is_span,)),
            "back": Question(self._back, (is_span,)),
            "idles": Question(self._idles, (is_truth,)),
            "stamps": Question(self._stamps, (is_text, is_row)),
            "stamped": Question(self._stamped, (is_text, is_row)),
        }

    def spend(self, connection: ChildConnection, spent: int) -> Message:
        """Record what a process has spent in all; what it has reported before is not spent again."""
        process = connection.owner.process
        fresh, process.spent = max(0, spent - process.spent), max(spent, process.spent)
        return self._advanced(fresh)

    def _advance(self, connection: ChildConnection, spent: int, span: int) -> Message:
        self.spend(connection, spent)
        return self._advanced(span)

    def _advanced(self, span: int) -> Message:
        clock = self.clock()
        if isinstance(clock, VirtualClock):
            if span and (span := min(span, _END - clock.now_ns())) > 0:
                clock.advance_ns(span)
            clock.publish()
        return _DONE

    def _wait(self, connection: ChildConnection, spent: int, *request: Any) -> Message | None:
        self.spend(connection, spent)
        clock = self.clock()
        if (connection.process, request[0]) in self._cancelled:
            self._cancelled.discard((connection.process, request[0]))
            return ("notified",)
        if isinstance(clock, VirtualClock):
            clock.raise_if_ended()
            clock.expect_changes()
            wait = ChildWait(clock, connection, request, self._notify)
            # In one step, as others see it: who waits must be among those whose turn it may be.
            with clock._mutex:
                clock._waiters[connection.key] = wait
                connection.wait = wait
            return None
        return ("due",)

    def _cancel(self, connection: ChildConnection, number: int) -> Message:
        self._cancelled.add((connection.process, number))
        clock = self.clock()
        for wait in tuple(clock._waiters.values()) if isinstance(clock, VirtualClock) else ():
            if isinstance(wait, ChildWait) and (wait.process, wait.number) == (connection.process, number):
                wait.notified = True  # nothing is jumped over until it has its answer
        return _DONE

    def take_cancelled(self, connection: ChildConnection) -> bool:
        """Return whether the wait of a thread was cancelled."""
        wait = connection.wait
        if wait is None or (connection.process, wait.number) not in self._cancelled:
            return False
        self._cancelled.discard((connection.process, wait.number))
        return True

    def note_wait(self, connection: ChildConnection) -> None:
        """Record a wait that was sat out, unless the child does that."""
        wait = connection.wait
        if wait is not None and wait.noted:
            self._slept(connection, wait.began, (wait.due or wait.began) - wait.began)

    def _slept(self, connection: ChildConnection, began: int, span: int) -> Message:
        owner = connection.owner
        clock = self.clock()
        if clock is not None:
            clock.waits.append(Wait(began / SECOND, span / SECOND, owner.thread, connection.process))
        return _DONE

    def _bar(self, connection: ChildConnection, instant: int) -> Message:
        clock, owner = self.clock(), connection.owner
        if isinstance(clock, VirtualClock):
            owner.clock = clock
            clock.limit_jumps(owner.key, instant)
        return _DONE

    def _back(self, connection: ChildConnection, instant: int) -> Message:
        clock, owner = self.clock(), connection.owner
        if isinstance(clock, VirtualClock):
            clock.external_done(owner.key, instant)
            clock.publish()
        owner.clock = None
        return _DONE

    def _idles(self, connection: ChildConnection, idle: bool) -> Message:
        connection.owner.idle = idle
        return _DONE

    def _stamps(self, _connection: ChildConnection, file: str, real: list[Any]) -> Message:
        clock = self.clock()
        if not isinstance(clock, VirtualClock) or not all(map(_is_instant, real)):
            return "stamps", [None] * len(real)
        return "stamps", clock.shown_stamps(file, real)

    def _stamped(self, _connection: ChildConnection, file: str, times: list[Any]) -> Message:
        clock = self.clock()
        if isinstance(clock, VirtualClock) and all(map(_is_instant, times)):
            clock.set_stamps(file, (times[0], times[1]) if len(times) == _BOTH else None)
        return _DONE

    def keep(self, processes: set[int]) -> None:
        """Record which processes are left: what the others have cancelled needs no answer."""
        self._cancelled = {one for one in self._cancelled if one[0] in processes}


def _is_instant(value: object) -> bool:
    """Return whether a value is a stamp of a file, in nanoseconds since 1970."""
    return type(value) is int and 0 <= value < 1 << 63
