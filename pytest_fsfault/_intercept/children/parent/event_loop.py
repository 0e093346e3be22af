"""One thread that waits for whatever may be asked of this process, and calls who answers."""

from __future__ import annotations

import sys
import time
from _thread import allocate_lock, get_ident, get_native_id, start_new_thread
from heapq import heappop, heappush
from itertools import count
from typing import TYPE_CHECKING, TypeVar

from pytest_fsfault._core.engine.endings import RetryStorm, SimulatedCrash
from pytest_fsfault._host.own_threads import is_there
from pytest_fsfault._intercept.virtual_time.threads import ThreadActivity

if sys.platform == "win32":
    from pytest_fsfault._intercept.children.completion_port import PipePoller as Poller
else:
    from pytest_fsfault._intercept.children.sockets import Poller

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, MutableSet

T = TypeVar("T")

_now = ThreadActivity.monotonic_ns
_real_sleep = time.sleep
# Real nanoseconds to wait for the last words of a child that was killed; and for the thread, on a busy machine.
_TALK, _BUSY = 100_000_000, 2_000_000_000


class EventLoop:
    """Call back whenever a descriptor can be read, or a moment has come, in a thread of its own.

    A raw thread: it does not belong to the test, and `threading` does not list it. It is stopped while this process
    forks, since Python warns of a fork with several threads. `look` is called before each wait and returns the real
    seconds until it has to be called again; `failed` gets what a callback has raised.
    """

    def __init__(
        self,
        own_threads: MutableSet[int],
        look: Callable[[], float | None],
        failed: Callable[[Exception], object],
    ) -> None:
        self._own_threads = own_threads
        self._look = look
        self._failed = failed
        self._poller = Poller()
        self._watched: dict[int, Callable[[], object]] = {}
        self._later: list[tuple[int, int, Callable[[], object]]] = []
        self._order = count()
        self._running = False
        self._stopping = False
        self._ended = allocate_lock()
        self._native = 0
        self._thread = 0
        self._timed = False  # the latest wait had an end
        self._rounds = 0  # waits that have ended, with all callbacks after them
        self.busy = False  # a callback is at work
        self.called = 0  # callbacks, in groups, that have ended; counted before `busy` tells so

    def watch(self, descriptor: int, ready: Callable[[], object]) -> None:
        """Call `ready` in the thread whenever a descriptor can be read, or its other end is closed."""
        self._watched[descriptor] = ready
        self._poller.register(descriptor)

    def unwatch(self, descriptor: int) -> None:
        """Watch a descriptor no longer."""
        if self._watched.pop(descriptor, None) is not None:
            self._poller.unregister(descriptor)

    def watch_writing(self, descriptor: int, wanted: bool) -> None:
        """Call back for a watched descriptor also when it can be written, or no longer."""
        self._poller.modify(descriptor, writing=wanted)

    def after(self, seconds: float, call: Callable[[], object]) -> None:
        """Call `call` in the thread after so many real seconds."""
        heappush(self._later, (_now() + int(seconds * 1e9), next(self._order), call))
        self.notify()

    def has_input(self, behind: Collection[int] = ()) -> bool:
        """Return whether something has come to a descriptor that is not among those `behind` with their answers."""
        return self._poller.has_input(behind)

    def settle(self, unheard: Callable[[], bool]) -> None:
        """Wait until the thread has heard what has come by now; `unheard` tells, as far as that can be seen.

        Who goes on talking is not waited for.
        """
        late = self._poller.tells_late
        if not late and not unheard():
            return
        begun, due = _now(), self._rounds + 2  # the round that is under way may have asked the system before
        while True:
            heard = self._rounds >= due
            if (heard or not late) and not unheard():
                return
            if _now() - begun > (_TALK if heard else _BUSY):
                return
            self.notify()
            _real_sleep(0.0002)

    @property
    def descriptor(self) -> int:
        """What can be read as soon as anything watched has something to do; -1 where there is no such thing."""
        return self._poller.fileno()

    @property
    def is_timed(self) -> bool:
        """Whether something is to be done at a certain moment, whatever comes until then."""
        return self._timed or bool(self._later)

    def notify(self) -> None:
        """Wake the thread up."""
        self._poller.notify()

    def start(self) -> None:
        """Let the thread run.

        Raises:
            RuntimeError: if no thread can be had.

        """
        if self._running:
            return
        self._stopping = False
        self._ended.acquire()
        try:
            start_new_thread(self._run, ())
        except BaseException:
            self._ended.release()
            raise
        self._running = True

    def pause(self) -> None:
        """Let the thread end, and wait until the system has forgotten it."""
        if not self._running or self.is_own():
            return
        self._stopping = True
        self.notify()
        self._ended.acquire()
        self._ended.release()
        self._running = False
        if sys.platform == "linux":
            while is_there(self._native):
                _real_sleep(0.0001)

    @property
    def running(self) -> bool:
        """Whether the thread runs."""
        return self._running

    def is_lost(self) -> bool:
        """Return whether the code under test has closed the descriptors: no child gets an answer any more."""
        return not self._poller.is_ours()

    def owes(self) -> bool:
        """Return whether something is to be called later: an answer that a delay keeps back."""
        return bool(self._later)

    def is_own(self) -> bool:
        """Return whether the calling thread is the one that calls back."""
        return get_ident() == self._thread

    def _run(self) -> None:
        self._native, self._thread = get_native_id(), get_ident()
        self._own_threads.add(self._thread)
        try:
            while not self._stopping:
                self._serve(self._timeout())
        except (OSError, ValueError):
            if self._poller.is_ours():
                raise
            self._running = False  # as `Server.is_lost` finds
        finally:
            self._poller.rest()
            self._own_threads.discard(self._thread)
            self._thread = 0
            self._ended.release()

    def _timeout(self) -> float | None:
        """Call what is due; return the real seconds until the next look."""
        pauses = [pause for pause in (self._guard(self._look), self._call_due()) if pause is not None]
        return min(pauses, default=None)

    def _call_due(self) -> float | None:
        while self._later:
            left = self._later[0][0] - _now()
            if left > 0:
                return left / 1e9
            self.busy = True
            self._guard(heappop(self._later)[2])
            self.called += 1
            self.busy = False
        return None

    def _serve(self, timeout: float | None) -> None:
        self._timed = timeout is not None
        found = self._poller.select(timeout)
        self.busy = True
        try:
            for descriptor in found:
                if (ready := self._watched.get(descriptor)) is not None:
                    self._guard(ready)
        finally:
            self._rounds += 1
            self.called += bool(found)
            self.busy = False

    def _guard(self, call: Callable[[], T]) -> T | None:
        """Return what a callback returns; whatever goes wrong in one, the others get their answers."""
        try:
            return call()
        except Exception as error:  # noqa: BLE001  # as said
            self._failed(error)
            return None
        except (SimulatedCrash, RetryStorm):
            return None  # what has ended the session ends the code under test, never who answers

    def close(self) -> None:
        """Give up the descriptors; the thread does not run any more, or is none of this process."""
        self._poller.close()
