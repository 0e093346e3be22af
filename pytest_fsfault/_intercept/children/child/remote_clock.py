"""The virtual clock of a child: reads the parent's time from shared memory, waits by request."""

from __future__ import annotations

from contextlib import suppress
from itertools import count
from time import sleep as real_sleep
from typing import TYPE_CHECKING, Any, TypeVar

from pytest_fsfault._core.clock import OPERATION, READING, SECOND, VirtualClock
from pytest_fsfault._core.stamps import StampHistory
from pytest_fsfault._core.waiter import Waiter
from pytest_fsfault._intercept.children.child.connection import ParentGone, checked
from pytest_fsfault._intercept.virtual_time.alarms import alarm_left

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pytest_fsfault._core.activity import Activity
    from pytest_fsfault._intercept.children.child.connection import Client, ParentConnection
    from pytest_fsfault._intercept.children.shared_page import SharedState

T = TypeVar("T")

# Nanoseconds that a child spends on its own before it reports them.
_UNREPORTED = 1_000_000
# Nanoseconds by which a stamp may be behind the instant of its writing, at the most.
_STEP = 50_000_000
_READ = 1  # as in `selectors`
# Real seconds for which a loop looks for its own events before it looks whether the parent has answered.
_TURN = 0.01
# Real nanoseconds for which a connection must be silent before a sleep of the same loop is jumped over.
_SILENCE = 100_000_000


class RemoteWaiter(Waiter):
    """A wait that the parent ends; a notification here cancels it there."""

    __slots__ = ("_cancel", "number")

    def __init__(
        self, began: int, since: int, span: int | None, number: int, cancel: Callable[[int], object]
    ) -> None:
        super().__init__(began, since, span)
        self.number = number
        self._cancel = cancel

    def notify(self) -> None:
        """Make the waiter look again."""
        super().notify()
        if self.notified and self.due is not None:
            self._cancel(self.number)


class RemoteClock(VirtualClock):
    """Virtual time that another process keeps.

    What this process spends on operations and readings is reported with its next message: until then its
    clock is ahead by that much.
    """

    looks_for_changes = False

    def __init__(self, activity: Activity, client: Client, shared: SharedState) -> None:
        super().__init__(activity)
        self._client = client
        self._shared = shared
        self._reported = 0
        self._floor = 0
        self._numbers = count(1)

    def now_ns(self) -> int:
        """Return the nanoseconds since the start; asking costs nothing."""
        return max(self._floor, self._shared.time + self._spent() - self._reported)

    def _spent(self) -> int:
        return OPERATION * self.operations() + READING * self._readings

    def spent_in_all(self) -> int:
        """Return what this process has spent since it was attached, which the caller reports."""
        with self._tally:
            self._floor = self.now_ns()
            self._reported = self._spent()
        return self._reported

    def reading(self, count: int = 1) -> int:
        """Return the nanoseconds since the start to code under test, which pays for `count` readings."""
        now = super().reading(count)
        if self._spent() - self._reported > _UNREPORTED:
            with suppress(ParentGone):
                self._client.ask("spend", self.spent_in_all())
        return now

    def advance_ns(self, span: int) -> None:
        """Move the clock by `span` nanoseconds at once."""
        with suppress(ParentGone):
            self._client.ask("advance", self.spent_in_all(), span)

    def note(self, began: int, span: int) -> None:
        """Record a wait that was sat out."""
        super().note(began, span)
        with suppress(ParentGone):
            self._client.ask("slept", began, span)

    def waiter(self, span: int | None, *, patient: bool = False) -> Waiter:
        """Return a wait of `span` nanoseconds that begins now, for the calling thread."""
        made = RemoteWaiter(
            self.now_ns(), self.activity.monotonic_ns(), span, next(self._numbers), self._cancel
        )
        made.patient = patient
        return made

    def _cancel(self, number: int) -> None:
        with suppress(ParentGone):
            self._client.ask("cancel", number)

    def wait(self, waiter: Waiter) -> bool:
        """Block until `waiter` is notified or due; return whether it was notified."""
        if waiter.due is None or not isinstance(waiter, RemoteWaiter):
            return super().wait(waiter)
        self._waiters[waiter.thread] = waiter
        alarm = alarm_left()
        try:
            if alarm is not None and alarm < waiter.due - waiter.began:
                self.limit_jumps(waiter.thread, waiter.began + alarm)
            connection = self._client.take()
            connection.send(self._request(waiter.number, waiter.due - waiter.began, waiter.patient))
            answer = connection.receive()
            self._client.give(connection)
            checked(answer)
        except ParentGone:
            real_sleep(max(0.0, (waiter.due - waiter.began) / SECOND))
        except BaseException:
            self._cancel(waiter.number)  # a handler has raised, such as that of an alarm
            raise
        finally:
            self._waiters.pop(waiter.thread, None)
            if alarm is not None:
                self.external_done(waiter.thread, 0)
        if not waiter.notified:
            super().note(waiter.began, waiter.due - waiter.began)
        return waiter.notified

    def _request(
        self, number: int, span: int, patient: bool, silence: int = 0, *, noted: bool = True
    ) -> tuple[Any, ...]:
        return "wait", self.spent_in_all(), number, max(0, span), patient, silence, noted

    def watch(self, waiter: Waiter, look: Callable[[float | None], T]) -> T:
        """Return what `look` finds until `waiter` is due: a loop of asyncio waits for both at once."""
        number = next(self._numbers)
        silence = _SILENCE if waiter._sleeps else 0  # type: ignore[attr-defined]
        try:
            connection = self._client.take()
            connection.send(
                self._request(number, (waiter.due or 0) - waiter.began, waiter.patient, silence, noted=False)
            )
        except ParentGone:
            return look((waiter.due or 0) / SECOND)
        try:
            if connection.selectable:
                events = self._select(waiter._loop._selector, number, connection, look)  # type: ignore[attr-defined]
            else:
                events = self._take_turns(number, connection, look)
            answer = connection.receive()
            self._client.give(connection)
            checked(answer)
        except ParentGone:
            return look(0)
        return events  # type: ignore[return-value]

    def _select(
        self, selector: Any, number: int, connection: ParentConnection, look: Callable[[None], Any]
    ) -> list[Any]:
        """Return the events of a loop until the parent answers, by its own selector."""
        descriptor = connection.descriptor
        selector.register(descriptor, _READ)
        try:
            found = look(None)
        finally:
            selector.unregister(descriptor)
        events = [event for event in found if event[0].fd != descriptor]
        if len(events) == len(found):
            self._client.ask("cancel", number)
        return events

    def _take_turns(
        self, number: int, connection: ParentConnection, look: Callable[[float], Any]
    ) -> list[Any]:
        """Return the events of a loop until the parent answers, where one wait cannot do for both."""
        while not connection.has_input():
            if events := look(_TURN):
                self._client.ask("cancel", number)
                return list(events)
        return []

    def stamp_from_now(self) -> None:
        """Know from when on stamps are of virtual time; which, the parent is asked."""
        if self._history is None and self.epoch is not None:
            self._history = StampHistory(self.epoch["time"] - _STEP, 0)

    def shown_stamps(self, file: str, real: Sequence[int]) -> list[int | None]:
        """Return what the clock showed at these stamps of a file; None for those that stay as they are."""
        if not real:
            return []
        with suppress(ParentGone):
            answer = self._client.ask("stamps", file, list(real))
            if answer[0] == "stamps" and len(answer[1]) == len(real):
                return list(answer[1])
        return [None] * len(real)

    def set_stamps(self, file: str, times: tuple[int, int] | None) -> None:
        """Tell the parent that the times of access and change of a file were set."""
        with suppress(ParentGone):
            self._client.ask("stamped", file, list(times or ()))

    def _note_jump(self, history: StampHistory, before: int, after: int) -> None:
        """Leave it: the parent knows its jumps."""
        del history, before, after

    def idle_outside(self, call: Callable[[], T]) -> T:
        """Return what `call` returns, a wait that only looks whether its loop is to end."""
        with suppress(ParentGone):
            self._client.ask("idles", True)
        try:
            return self.outside(call)
        finally:
            with suppress(ParentGone):
                self._client.ask("idles", False)

    def limit_jumps(self, thread: int, instant: int) -> None:
        """Allow no jump beyond `instant` while `thread` waits on the outside."""
        with suppress(ParentGone):
            self._barriers[thread] = instant
            self._client.ask("bar", instant)

    def external_done(self, thread: int, instant: int) -> None:
        """Record that `thread` waits on the outside no longer; show `instant` at least."""
        if self._barriers.pop(thread, None) is not None or instant:
            with suppress(ParentGone):
                self._client.ask("back", instant)
