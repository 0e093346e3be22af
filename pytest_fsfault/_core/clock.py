"""Virtual time: what it costs, when it may pass, and who wakes first.

Time is kept in integer nanoseconds, so that it adds up exactly. The law: the clock never jumps over work, nor
beyond the end of a wait that has a limit of its own in real time. What must be known of threads and processes for
that is asked of an `Activity`.
"""

from __future__ import annotations

from _thread import get_ident
from contextlib import nullcontext
from time import sleep as real_sleep
from typing import TYPE_CHECKING, TypeVar

from pytest_fsfault._core.locks import known_lock
from pytest_fsfault._core.real_clock import SECOND, Clock, RealClock, Wait, nanoseconds, span_of
from pytest_fsfault._core.stamps import StampHistory
from pytest_fsfault._core.waiter import Waiter, due_of, has_notified

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Hashable, Sequence

    from pytest_fsfault._core.activity import Activity

__all__ = ["OPERATION", "READING", "SECOND", "Clock", "RealClock", "VirtualClock", "Wait", "nanoseconds"]

# pytest leaves the frames of this module out of tracebacks: they are not the user's.
__tracebackhide__ = True

T = TypeVar("T")

# What an intercepted call and a reading of a clock cost, in nanoseconds.
OPERATION, READING = 100_000, 1_000
# Waits on the outside shorter than this do not move the clock: what is there at once stays deterministic.
_INSTANT = 1_000_000
# No wait lasts longer than this beyond what it takes for real, whatever a thread does that spins.
_PATIENCE = SECOND
# Polling intervals in real seconds: the next waiter; while a foreign child lives; later waiters (a safety net,
# they are notified); untimed.
_NEXT, _BESIDE_CHILD, _LATER, _LONG = 0.001, 0.005, 0.25, 3600.0
# Polling interval in real seconds of a waiter that cannot be notified, since it waits for something else as well.
_SLICE = 0.001
# A jump beyond so many nanoseconds, more than the steps by which the system stamps files, is told apart in stamps.
_TELLING = 10_000_000


class VirtualClock(Clock):
    """Virtual time: it passes while no thread works.

    One waiter at a time decides, the one whose end comes first: it looks about every millisecond while
    others work, lets real time pass beside a child process, and jumps once all is still.
    """

    def __init__(self, activity: Activity) -> None:
        super().__init__()
        self.activity = activity
        self._offset = 0
        self._readings = 0
        self._tally = known_lock()  # both may be entered again by a signal handler
        self._mutex = known_lock()
        self._waiters: dict[int, Waiter] = {}  # by thread; each look enters it anew
        self._barriers: dict[int, int] = {}  # by thread: ends of waits on the outside that count
        self._limits: dict[Hashable, int] = {}  # by real wait that the clock does not know: its virtual end
        self._polled = 0  # real instant of the last decision
        self._real = False
        self.moved: Callable[[int], object] | None = None  # told the time whenever it is set forward
        #: How many calls so far may have stamped a file.
        self.changes: Callable[[], int] = lambda: 0
        self._history: StampHistory | None = None
        self._changes = 0  # how many there were at the latest jump

    def now_ns(self) -> int:
        """Return the nanoseconds since the start; asking costs nothing."""
        # No lock: each part only grows, so that a mixed reading lies between the old time and the new.
        return self._offset + OPERATION * self.operations() + READING * self._readings

    def reading(self, count: int = 1) -> int:
        """Return the nanoseconds since the start to code under test, which pays for `count` readings."""
        with self._tally:
            self._readings += count
        return self.now_ns()

    def advance(self, seconds: float) -> None:
        """Move the clock by `seconds` at once, over everything; sleepers that are due wake.

        Raises:
            FsFaultError: if `seconds` is negative, not a number, or beyond the end of time.

        """
        self.advance_ns(span_of("advance", seconds))

    def advance_ns(self, span: int) -> None:
        """Move the clock by `span` nanoseconds at once."""
        with self._mutex:
            now = self.now_ns()
            self.set_forward(now + span, now)

    def sleep(self, seconds: float) -> None:
        """Let `seconds` pass, under the law; while the gate is shut, at once.

        Raises:
            FsFaultError: if `seconds` is negative, not a number, or beyond the end of time.

        """
        span = span_of("sleep", seconds)
        if not self._real:
            self.pause(span)
            return
        self.note(self.now_ns(), span)
        self.advance(seconds)

    def pause(self, span: int) -> None:
        """Let `span` nanoseconds pass for the calling thread, under the law."""
        self.raise_if_ended()
        if span:
            self.wait(self.waiter(span))
        else:
            real_sleep(0)  # lets others run, as the real one does
            self.note(self.now_ns(), 0)

    def waiter(self, span: int | None, *, patient: bool = False) -> Waiter:
        """Return a wait of `span` nanoseconds that begins now, for the calling thread."""
        return Waiter(self.now_ns(), self.activity.monotonic_ns(), span, patient=patient)

    def wait(self, waiter: Waiter) -> bool:
        """Block until `waiter` is notified or due; return whether it was notified."""
        waiters, thread, acquire = self._waiters, waiter.thread, waiter.lock.acquire
        try:
            if waiter.due is None:
                waiters[thread] = waiter
                while not waiter.notified:
                    acquire()
            else:
                while (pause := self.poll(waiter)) is not None:
                    acquire(True, pause)
        finally:
            # Nothing may come before this: a signal handler that raises leaves no waiter behind.
            waiters.pop(thread, None)
            self.notify_next()
        if waiter.notified or waiter.due is None:
            return waiter.notified
        self.note(waiter.began, waiter.due - waiter.began)
        return False

    def poll(self, me: Waiter) -> float | None:
        """Decide for one waiter: None if its wait is over, else the real seconds until the next look."""
        with self._mutex:
            now, due = self.now_ns(), me.due
            if due is None or me.notified or now >= due:
                return None
            self._waiters[me.thread] = me
            real = self.activity.monotonic_ns()
            if real - me.since >= due - me.began + _PATIENCE:
                self.set_forward(due, now)
                return None
            if self._next() is not me:
                return _LONG if self._real else _LATER
            return self._decide(me, due, now, real)

    def _decide(self, me: Waiter, due: int, now: int, real: int) -> float | None:
        """Decide for the waiter whose end comes first."""
        passed = now + real - max(self._polled, me.since)
        self._polled = real
        if self._real:
            return self._flow(due, now, passed, _LONG)
        if self.activity.child_lives():
            return self._flow(due, now, passed, _BESIDE_CHILD)
        waiters = tuple(self._waiters.values())
        waiting = {waiter.thread for waiter in waiters}
        # Notices are looked at last: a thread that has done nothing for 5 ms cannot have sent one meanwhile,
        # but one that was woken from outside can. One that has been notified works, though not yet awake.
        at_work = self.activity.at_work(waiting, me.since)
        limit = None if at_work else self._limit_before(due, now, waiting)
        if at_work or has_notified(waiters):
            return _NEXT
        if limit is not None:
            name, end = limit
            self.kept_step[name] = self.kept_step.get(name, 0) + passed - now
            return self._flow(due, now, min(passed, max(end, now)), _NEXT)
        if me.patient or self._is_barred(due):
            return self._flow(due, now, passed, _NEXT)
        self.set_forward(due, now)
        return None

    def _is_barred(self, due: int) -> bool:
        """Return whether time must not be set forward as far as `due`."""
        return any(barrier < due for barrier in tuple(self._barriers.values()))

    def _limit_before(self, due: int, now: int, waiting: Collection[int]) -> tuple[str, int] | None:
        """Return whose limited wait ends first, and at which virtual time, if that is before `due`.

        A wait keeps the end that it had when it was first seen: its real time left, from the virtual time then.
        """
        known, first, self._limits = self._limits, None, {}
        for wait in self.activity.limits(waiting):
            end = self._limits[wait.key] = known.get(wait.key, now + wait.left)
            if end < due and (first is None or end < first[1]):
                first = wait.name, end
        return first

    def publish(self) -> None:
        """Publish the time to the listener; in one order, so that it never runs backwards."""
        with self._mutex:
            if self.moved:
                self.moved(self.now_ns())

    def tell(self, moved: Callable[[int], object]) -> None:
        """Tell `moved` the time now, and whenever it is set forward, instead of the listener before."""
        with self._mutex:
            self.moved = moved
            self.publish()

    def tell_no_longer(self, moved: Callable[[int], object], *, alone: bool = False) -> None:
        """Tell `moved` no more from the return on; `alone` in a forked child, where there is no other thread to wait for."""
        with nullcontext() if alone else self._mutex:
            if self.moved == moved:
                self.moved = None

    def outside(self, call: Callable[[], T], limit: int | None = None) -> T:
        """Return what `call` returns, a wait on the outside: it takes real time, and moves the clock.

        The clock then shows at least the instant of entry plus what it really took, so that nested and
        concurrent waits do not count twice. No jump goes beyond `limit` (nanoseconds from now) meanwhile.
        """
        self.raise_if_ended()
        thread = get_ident()
        entered, began = self.now_ns(), self.activity.monotonic_ns()
        if limit is not None:
            self.limit_jumps(thread, entered + limit)
        try:
            return call()
        finally:
            passed = self.activity.monotonic_ns() - began
            self.external_done(thread, entered + passed if passed >= _INSTANT else 0)

    #: The same for a wait that only looks whether its loop is to end, so that its limit means nothing.
    def idle_outside(self, call: Callable[[], T]) -> T:
        return self.outside(call)

    def limit_jumps(self, thread: int, instant: int) -> None:
        """Allow no jump beyond `instant` while `thread` waits on the outside."""
        self._barriers[thread] = instant

    def external_done(self, thread: int, instant: int) -> None:
        """Record that `thread` waits on the outside no longer; show `instant` at least."""
        self._barriers.pop(thread, None)
        if instant:
            with self._mutex:
                self.set_forward(instant, self.now_ns())

    def watch(self, waiter: Waiter, look: Callable[[float | None], T]) -> T:
        """Return what `look` finds until `waiter` is due: it waits for so many real seconds at the most."""
        try:
            while (pause := self.poll(waiter)) is not None:
                if found := look(min(pause, _SLICE)):
                    return found
        finally:
            self.leave(waiter.thread)
        return look(0)

    def leave(self, thread: int) -> None:
        """Record that `thread` waits no longer."""
        self._waiters.pop(thread, None)
        self.notify_next()

    def follow_real_time(self, follow: bool) -> None:
        """Let waits that are going on take real time from now on, or follow the law again."""
        if self._real is not follow:
            with self._mutex:
                self._real = follow
                self._polled = self.activity.monotonic_ns()
            for waiter in self._timed() if self._waiters else ():
                waiter.notify()

    def _timed(self) -> list[Waiter]:
        return [waiter for waiter in tuple(self._waiters.values()) if waiter.due is not None]

    def _next(self) -> Waiter | None:
        return min(self._timed(), key=due_of, default=None)

    def notify_next(self) -> None:
        if (following := self._next()) is not None:
            following.notify()

    def _flow(self, due: int, now: int, instant: int, longest: float) -> float | None:
        """Move on to `instant`, as far as real time has come; return until when to wait on."""
        self.set_forward(min(due, instant), now)
        return min((due - instant) / SECOND, longest) if instant < due else None

    def set_forward(self, instant: int, now: int) -> None:
        """Set the clock, which shows `now`, forward, and wake those who are due; the caller has the mutex."""
        if self._history is not None and instant > now:
            self._note_jump(self._history, now, instant)
        self._offset += max(0, instant - now)
        if self.moved is not None:
            self.moved(max(instant, now))
        for waiter in self._timed():
            if waiter.due is not None and waiter.due <= instant:
                waiter.notify()

    # Stamps of files.

    def stamp_from_now(self) -> None:
        """Keep from now on which virtual time each real instant was."""
        if self._history is None:
            self._history = StampHistory(self.activity.stamp_ns(), self.now_ns())

    def stamp_history(self) -> StampHistory | None:
        """Return which virtual time real instants were; None if that is not kept."""
        return self._history

    def stamp_of(self, real: int) -> int | None:
        """Return what the clock showed at the real instant of a stamp, which is past; None before it began."""
        history = self._history
        if history is None or real < history.start:
            return None
        with self._mutex:  # a jump comes before or after
            if real > history.latest:
                history.passed(max(self.activity.stamp_ns(), real), self.now_ns())
            return history.virtual_at(real)

    def shown_stamps(self, file: str, real: Sequence[int]) -> list[int | None]:
        """Return what the clock showed at these stamps of a file, which are past; None for those that stay as they are.

        `file` is a name of its own for each file of the system, such as device and inode.
        """
        given = () if self._history is None else self._history.given.get(file, ())
        return [None if one in given else self.stamp_of(one) for one in real]

    def set_stamps(self, file: str, times: tuple[int, int] | None) -> None:
        """Record that the times of access and change of a file were set, or set to the present."""
        if self._history is not None:
            self._history.give(file, times)

    def expect_changes(self) -> None:
        """Record that another process may have changed a file since the latest jump."""
        self._changes = -1

    def _note_jump(self, history: StampHistory, before: int, after: int) -> None:
        """Keep a jump; what was stamped before it must not look as if it came after."""
        stamp, changes = self.activity.stamp_ns(), self.changes()
        if after - before > _TELLING and changes != self._changes:
            self._changes = changes
            stamp = self.activity.next_stamp_ns(max(stamp, history.latest))
        history.jumped(max(stamp, history.latest), before, after)
