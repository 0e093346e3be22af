"""Who is asked now: one start/stop pair for each session; the wrappers come with the first, go with the last."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import contextmanager
from functools import cache, partial
from typing import TYPE_CHECKING, Any, cast

from pytest_fsfault._core.clock import VirtualClock
from pytest_fsfault._core.engine.engine import Engine
from pytest_fsfault._intercept.calls.changes import Changes
from pytest_fsfault._intercept.calls.descriptors import status_of_descriptor
from pytest_fsfault._intercept.calls.installation import TIMES, Installation
from pytest_fsfault._intercept.calls.open_files import toggle_methods
from pytest_fsfault._intercept.calls.state import UNANNOUNCED, InterceptState, ignore_starts
from pytest_fsfault._intercept.children.parent.supervisor import ChildSupervisor
from pytest_fsfault._intercept.fake.detection import FakeDetection
from pytest_fsfault._intercept.fake.isolation import patcher, real_files
from pytest_fsfault._intercept.virtual_time.time_functions import VirtualTime

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_fsfault._core.clock import Clock
    from pytest_fsfault._core.engine.interfaces import ModelView, Sessions
    from pytest_fsfault._intercept.fake.installation import FakeInstallation
    from pytest_fsfault._intercept.patching.patches import Patch

_REAL = object()


class Interceptor:
    """All patching of this process: one start/stop pair, whatever is nested in between."""

    def __init__(self) -> None:
        self.state = InterceptState()
        self.callers = self.state.callers
        self._lock = threading.RLock()
        self._installation: Installation | None = None  # made when it is first needed
        self._virtual_times: dict[Sessions, VirtualTime] = {}
        self._crashed = False
        self._model: ModelView | None = None
        self._before: list[tuple[dict[str, Any], str, Any]] = []
        self.supervisor: ChildSupervisor | None = None
        self._is_child = False
        self._watch = FakeDetection(
            self._aside, lambda call: getattr(getattr(call, "__self__", None), "real", call)
        )
        self._fakes: FakeInstallation | None = None
        self._filesystem: object = (
            None  # where the wrappers stand: None, before the real functions, or a fake
        )
        self._stands_aside = 0

    @property
    def clock(self) -> VirtualClock | None:
        """The virtual clock that the sessions share, if there is one."""
        clocks = [engine.clock for engine in self.state.engines]
        return next((clock for clock in clocks if isinstance(clock, VirtualClock)), None)

    def start(self, engine: Sessions) -> None:
        """Ask `engine` from now on, before those that are there, once its gate is open."""
        with self._lock:
            if self._installation is None:
                with real_files():  # it stands in for real functions, also if a fake is there first
                    self._installation = Installation(self.state)
                self._make_supervisor()
            if self.supervisor is not None:
                self.supervisor.cover(self._cover)
            first = not self.state.engines
            self.state.engines = (engine, *self.state.engines)
            engine.on_end = self.refresh
            try:
                if first:
                    self._watch.begin()
                self._settle()
                if self._fakes is not None:
                    self._fakes.adopt(engine)
                self._start_clock(engine)
            except BaseException:
                self.stop(engine)
                raise

    def stop(self, engine: Sessions, *, lost: bool = True) -> None:
        """Forget `engine`; with the last one everything is as it was.

        If a crash has ended it, files that are still open may have data that must never arrive; not if nothing
        can have been `lost`.
        """
        with self._lock:
            self.state.drain_counts()
            self._crashed |= lost and engine.ended is not None
            self.state.engines = tuple(other for other in self.state.engines if other is not engine)
            virtual_time = self._virtual_times.pop(engine, None)
            if virtual_time is not None:
                virtual_time.stop()
            if self._fakes is not None:
                self._fakes.release(engine)
            if not self.state.engines:
                self._watch.end()
                self._settle()
            self.refresh()
            toggle_methods(self.state, crashed=self._crashed)
        if self.supervisor is not None and not self.state.engines:
            self.supervisor.end()  # out of the lock, which the server's thread may want

    def set_gate(self, engine: Sessions, *, faults: bool, time: bool) -> None:
        """Open or shut the gate of one session: for faults, and for its clock."""
        with self._lock:
            self.state.drain_counts()
            virtual_time = self._virtual_times.get(engine)
            if virtual_time is not None and time is not engine.ticking:
                engine.ticking = time
                (virtual_time.open if time else virtual_time.shut)()
            engine.gate = faults
            self.refresh()

    def refresh(self) -> None:
        """Take in that rules, roots or gates have changed."""
        with self._lock:
            self.state.refresh()
            self._follow_model()
            if self.supervisor is not None:
                self.supervisor.follow()
            if not self.state.live and not self._crashed:
                return
            crashed = self._crashed or any(engine.ended is not None for engine in self.state.engines)
            toggle_methods(self.state, crashed=crashed)

    def _follow_model(self) -> None:
        """Put in place what belongs to the model that acts now, and take away what belonged to another."""
        model = self.state.model
        if model is self._model:
            return
        for space, name, value in reversed(self._before):
            space[name] = value
        self._before, self._model = [], model
        found = [] if model is None else list(model.patches())
        if model is not None and model.view() is not None:
            found.append((vars(os), "fstat", status_of_descriptor(self.state)))
        for space, name, value in found:
            if name in space:
                self._before.append((space, name, space[name]))
                space[name] = value

    def shut(self) -> None:
        """Stand aside, for every session, until `unshut`: pytest works, or a debugger holds the test."""
        with self._lock:
            self.state.shut += 1
            self.state.set_live(False)
            if self.supervisor is not None:
                self.supervisor.follow()
            for virtual_time in self._virtual_times.values():
                virtual_time.shut()

    def unshut(self) -> None:
        """Undo one `shut`."""
        with self._lock:
            self.state.shut -= 1
            for virtual_time in self._virtual_times.values():
                virtual_time.open()
            self.refresh()

    @contextmanager
    def own_threads(self) -> Iterator[None]:
        """Let the calling thread work for us in the block: no fault meets it, and nothing is counted."""
        own_threads, me = self.state.own_threads, threading.get_ident()
        inner = me in own_threads
        own_threads.add(me)
        try:
            yield
        finally:
            if not inner:
                own_threads.discard(me)

    def __enter__(self) -> None:
        self.shut()

    def __exit__(self, *_: object) -> None:
        self.unshut()

    def sweep(self) -> None:
        """Put originals back where somebody else has put one of our wrappers after we had left.

        A mock that was made under faults and undone afterwards does that.
        """
        if self._installation is not None and not self.state.engines:
            self._installation.sweep()

    def drain(self) -> None:
        """Take in what child processes have told so far."""
        if self.supervisor is not None:
            self.supervisor.drain()

    def starts(self) -> int:
        """Return how many processes were started under faults so far."""
        return 0 if self.supervisor is None else self.supervisor.started()

    def mark(self) -> str:
        """Return the environment variable, with its value, of the processes that were started under faults."""
        return "" if self.supervisor is None else self.supervisor.mark()

    def unreached(self, first: int) -> list[str]:
        """Return a sentence for each of them, from the `first` on, that no fault has reached."""
        return [] if self.supervisor is None else self.supervisor.unreached(first)

    def _make_supervisor(self) -> None:
        if self._is_child:
            return
        self.supervisor = ChildSupervisor(self.state, self._any_clock, self.become_child)
        self.state.starting = self.supervisor.starting

    def _cover(self, patches: list[Patch]) -> None:
        """Put more wrappers in place, while a session is open."""
        if self._installation is not None:
            self._installation.extend(patches, now=self._filesystem is _REAL)

    def _any_clock(self) -> Any:
        return self.clock or next((engine.clock for engine in self.state.engines), None)

    def attach(self, engine: Sessions) -> None:
        """Put the sessions of the parent in force in this child process."""
        self._is_child = True
        self.start(engine)
        self.set_gate(engine, faults=engine.gate, time=True)

    def become_child(self, directory: str) -> None:
        """Forget the sessions in a forked child; attach it to the process that answers in `directory`, if any."""
        self._lock = threading.RLock()
        self.supervisor, self._is_child = None, True
        self.state.starting = ignore_starts
        self.state.own_threads.clear()
        self.state.announced = UNANNOUNCED
        self._virtual_times.clear()
        self.state.engines = ()
        self.state.attached = None
        self._watch.end()
        self._settle()
        self.refresh()
        if directory:
            from pytest_fsfault._intercept.children.child.attach import attach  # noqa: PLC0415

            if attach(self, directory) and sys.platform == "linux":
                from pytest_fsfault._intercept.children.child.entering import enter  # noqa: PLC0415

                enter(self.state.engines, self.callers.locate(sys._getframe(1)))

    @contextmanager
    def _aside(self) -> Iterator[None]:
        """Stand before no function in the block; after it, where the file system then is."""
        self._step_aside(1)
        try:
            yield
        finally:
            self._step_aside(-1)

    def _step_aside(self, step: int) -> None:
        with self._lock:
            self.state.drain_counts()
            self._stands_aside += step
            self._settle()
            self.refresh()

    def _settle(self) -> None:
        """Stand where the code under test has its file system: before the real functions, or before a fake's."""
        there = patcher() if self._watch.has_met else None
        wanted = _REAL if there is None else there.fs
        if self._stands_aside or not self.state.engines:
            wanted = None
        if wanted is self._filesystem:
            return
        if self._filesystem is _REAL and self._installation is not None:
            self._installation.uninstall()
        elif self._fakes is not None and self._filesystem is not None:
            self._fakes.leave()
        self._filesystem = wanted
        if wanted is _REAL and self._installation is not None:
            self._installation.install()
        elif wanted is not None:
            self._fakes = self._fakes or self._make_fakes()
            self._fakes.enter()
        if not self.state.engines:
            self._fakes = None

    def _make_fakes(self) -> FakeInstallation:
        from pytest_fsfault._intercept.fake.installation import FakeInstallation  # noqa: PLC0415  # for who uses pyfakefs

        return FakeInstallation(self.state, TIMES)

    def _start_clock(self, engine: Sessions) -> None:
        virtual_time = VirtualTime(is_exempt=self.callers.is_machinery, shut=1 + self.state.shut)
        if isinstance(engine.clock, VirtualClock) and not any(
            other.clock is engine.clock for other in self._virtual_times
        ):
            engine.clock.operations = partial(self._operations, engine)
            if isinstance(engine, Engine):  # a child asks its parent
                engine.clock.changes = Changes(self.state, engine)
            engine.clock.raise_if_ended = self._raise_if_ended
        self._virtual_times[engine] = virtual_time
        virtual_time.start(cast("Clock", engine.clock))

    def _raise_if_ended(self) -> None:
        for engine in self.state.engines:
            if engine.gate:
                engine.raise_if_ended()

    def _operations(self, engine: Sessions) -> int:
        """Return how many calls have been intercepted below the roots: each costs a moment of virtual time."""
        counted = sum([tally.count for tally in tuple(engine.tallies.values())])
        return counted + (self.state.pending() if engine.gate else 0)


@cache
def interceptor() -> Interceptor:
    """Return the one switch of this process."""
    return Interceptor()
