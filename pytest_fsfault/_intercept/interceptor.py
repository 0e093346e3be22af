"""Install the interception with the first session and remove it with the last.

There is one list of sessions: `InterceptState.engines`. What stands where follows from it and from the gates: each
step sets these and calls `refresh`, which brings everything else to what they say. So every step may be done again
after an exception that a signal handler has raised in the middle of it, and is whole then.
"""

from __future__ import annotations

import sys
import threading
from contextlib import contextmanager
from functools import cache, partial
from typing import TYPE_CHECKING, cast

from pytest_fsfault._core.clock import VirtualClock
from pytest_fsfault._core.locks import release_abandoned
from pytest_fsfault._host.whole import run_all
from pytest_fsfault._intercept.calls.changes import bind_clock, unbind_clock
from pytest_fsfault._intercept.calls.gates import AllShut, Gate, OwnWork
from pytest_fsfault._intercept.calls.installation import TIMES, Installation
from pytest_fsfault._intercept.calls.model_patches import ModelPatches
from pytest_fsfault._intercept.calls.open_files import toggle_methods
from pytest_fsfault._intercept.calls.state import InterceptState
from pytest_fsfault._intercept.fake.detection import FakeDetection
from pytest_fsfault._intercept.fake.isolation import patcher, real_files
from pytest_fsfault._intercept.fake.system_hints import answer_pending_calls, begin_test
from pytest_fsfault._intercept.virtual_time.time_functions import VirtualTime

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pytest_fsfault._core.clock import Clock
    from pytest_fsfault._core.engine.interfaces import Sessions
    from pytest_fsfault._intercept.children.parent.started import ProcessRow
    from pytest_fsfault._intercept.children.parent.supervisor import ChildSupervisor
    from pytest_fsfault._intercept.fake.installation import FakeInstallation
    from pytest_fsfault._intercept.patching.patches import Patch

_REAL = object()
answer_pending_calls()


class Interceptor:
    """All patching of this process: one start/stop pair, whatever is nested in between."""

    def __init__(self) -> None:
        self.state = InterceptState()
        self.callers = self.state.callers
        self._lock = threading.RLock()
        self._installation: Installation | None = None  # made when it is first needed
        self._virtual_times: dict[Sessions, VirtualTime] = {}
        self._crashed = False
        self._model_patches = ModelPatches(self.state)
        self.supervisor: ChildSupervisor | None = None
        self._is_child = False
        self._watch = FakeDetection(
            self.uninstalled, lambda call: getattr(getattr(call, "__self__", None), "real", call)
        )
        self._fakes: FakeInstallation | None = None
        # Where the wrappers are installed: None, on the real file system, or on a fake.
        self._filesystem: object = None
        self._installed = True  # wholly: nothing has interrupted the last change
        self._refreshed = True  # wholly, since the last change of a gate
        self._uninstalled: set[object] = set()  # who wants no wrappers now

    @property
    def clock(self) -> VirtualClock | None:
        """The virtual clock that the sessions share, if there is one."""
        clocks = [engine.clock for engine in self.state.engines]
        return next((clock for clock in clocks if isinstance(clock, VirtualClock)), None)

    def start(self, engine: Sessions) -> None:
        """Ask `engine` from now on, before those that are there, once its gate is open."""
        try:
            with self._lock:
                self._prepare()
                if not self.state.engines:
                    begin_test()
                self.state.observe(engine)
                self.state.hears_early = not self._is_child
                self.state.engines = (engine, *self.state.engines)
                engine.on_end = self.refresh
                self._follow_sessions()
                self._start_clock(engine)
        except BaseException:
            self.stop(engine)
            raise

    def stop(self, engine: Sessions, *, lost: bool = True) -> None:
        """Forget `engine`; with the last one everything is as it was.

        If a crash has ended it, open files may have data that must never arrive, unless nothing can have been `lost`.
        Whatever one part raises, the others are taken away; it may be called again.
        """
        run_all(partial(self._stop, engine, lost), self._unlock, self._end_supervisor)

    def _stop(self, engine: Sessions, lost: bool) -> None:
        with self._lock:
            self._crashed |= lost and engine.ended is not None
            # As a rule its gate was shut before, when the call of its test had ended; a child shuts its own by itself.
            shut = self._refreshed and not (engine.gate or engine.ticking or self._is_child)
            run_all(
                self.state.drain_counts,
                partial(self._forget, engine),
                partial(self._stop_clock, engine),
                partial(self._release, engine),
                self._follow_sessions,
                *(() if shut else (self.refresh,)),
                partial(toggle_methods, self.state, crashed=self._crashed),
            )

    def _unlock(self) -> None:
        """Release what an exception has kept locked that came between the end of a block and its `__exit__`."""
        # A child may learn within the lock that its parent has gone.
        while not self._is_child and self._lock._is_owned():  # type: ignore[attr-defined]
            self._lock.release()
        if not self.state.engines:
            release_abandoned()

    def _forget(self, engine: Sessions) -> None:
        self.state.engines = tuple([other for other in self.state.engines if other is not engine])
        self.state.end_observation(engine)

    def _stop_clock(self, engine: Sessions) -> None:
        virtual_time = self._virtual_times.get(engine)
        if virtual_time is not None:
            virtual_time.stop()
            self._virtual_times.pop(engine, None)
            if self._has_own_clock(engine):
                unbind_clock(engine.clock)

    def _has_own_clock(self, engine: Sessions) -> bool:
        """Return whether no other session lives by the clock of this one."""
        return all([other.clock is not engine.clock for other in self._virtual_times])  # noqa: C419  # as above

    def _release(self, engine: Sessions) -> None:
        if self._fakes is not None:
            self._fakes.release(engine)

    def _end_supervisor(self) -> None:
        # Out of the lock, which the server's thread may want.
        if self.supervisor is not None and not self.state.engines:
            self.supervisor.end()

    def set_gates(self, gates: Iterable[Gate]) -> None:
        """Open or shut the gates of some sessions, all in one step."""
        if self.supervisor is not None:
            self.supervisor.read_logs()
        with self._lock:
            self.state.drain_counts()
            self._refreshed = False
            for engine, faults, time in gates:
                engine.gate, engine.ticking = faults, time
                self.state.hears_early &= not faults
            self.refresh()

    def refresh(self) -> None:
        """Update after a change of rules, roots or gates."""
        with self._lock:
            self._refreshed = False
            self.state.refresh()
            self._follow_gates()
            self._model_patches.follow()
            if self.supervisor is not None:
                self.supervisor.follow()
            if self.state.live or self._crashed:
                ended = [engine for engine in self.state.engines if engine.ended is not None]
                toggle_methods(self.state, crashed=self._crashed or bool(ended))
            self._refreshed = True  # at last: what was interrupted is done again

    def _follow_gates(self) -> None:
        """Let each clock run that is to run for the code under test."""
        for engine, virtual_time in tuple(self._virtual_times.items()):
            virtual_time.set_open(engine.ticking and not self.state.shut)

    @property
    def acts(self) -> bool:
        """Whether the gate of any session is open, for faults or for the clock."""
        return any([engine.gate or engine.ticking for engine in self.state.engines])  # noqa: C419  # no generator to interrupt

    def all_shut(self) -> AllShut:
        """Return a context in which all gates are shut: pytest works, or a debugger holds the test."""
        return AllShut(self)

    def hold_shut(self, holder: object, value: bool) -> None:
        """Let `holder` keep all gates shut, or let go."""
        with self._lock:
            self._refreshed = False
            (self.state.shut.add if value else self.state.shut.discard)(holder)
            if not value:
                self.refresh()
                return
            self.state.set_live(False)
            self._follow_gates()
            if self.supervisor is not None:
                self.supervisor.follow()
            self._refreshed = True

    def own_work(self) -> OwnWork:
        """Let the calling thread work for us in the block: no fault meets it, and nothing is counted."""
        return OwnWork(self.state)

    def sweep(self) -> None:
        """Put originals back where a mock, undone after the last session, has put one of our wrappers."""
        if self._installation is not None and not self.state.engines:
            self._installation.sweep()

    def drain(self) -> None:
        """Process what child processes have sent so far."""
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

    def processes(self, first: int) -> list[ProcessRow]:
        """Return what is known of each process that was started, from the `first` on."""
        return [] if self.supervisor is None else self.supervisor.processes(first)

    def _prepare(self) -> None:
        """Make what the first session needs, and keep it for the others."""
        if self._installation is None:
            with real_files():  # it stands in for real functions, also if a fake is there first
                self._installation = Installation(self.state)
        if self.supervisor is None and not self._is_child:
            from pytest_fsfault._intercept.children.parent.supervisor import ChildSupervisor  # noqa: PLC0415  # no child needs it

            supervisor = ChildSupervisor(self.state, self._any_clock, self.become_child)
            self.state.starting = supervisor.starting
            self.supervisor = supervisor  # at last: what was interrupted is done again
        if self.supervisor is not None:
            self.supervisor.cover(self._cover)

    def _cover(self, patches: list[Patch]) -> None:
        """Put more wrappers in place, while a session is open."""
        if self._installation is not None:
            self._installation.extend(patches, now=self._filesystem is _REAL)

    def _any_clock(self) -> Clock | None:
        return self.clock or cast("Clock | None", next((engine.clock for engine in self.state.engines), None))

    def attach(self, engine: Sessions, patches: list[Patch]) -> None:
        """Put the sessions of the parent in force in this child process, and `patches` in place with them."""
        self._is_child = True
        self.start(engine)
        self._cover(patches)
        self.set_gates([Gate(engine, engine.gate, True)])

    def become_child(self, directory: str) -> None:
        """Forget the sessions in a forked child; attach it to the process that answers in `directory`, if any."""
        self._lock = threading.RLock()
        self.supervisor, self._is_child = None, True
        self.state.become_child()
        self._virtual_times.clear()
        self._uninstalled.clear()
        self._follow_sessions()
        self.refresh()
        if directory:
            from pytest_fsfault._intercept.children.child.attach import attach_forked  # noqa: PLC0415

            if attach_forked(self, directory) and sys.platform == "linux":
                from pytest_fsfault._intercept.children.child.entering import enter  # noqa: PLC0415

                enter(self.state.engines, self.callers.locate(sys._getframe(1)))

    @contextmanager
    def uninstalled(self) -> Iterator[None]:
        """Uninstall all wrappers for the block; reinstall them on the file system (real or fake) that is active then."""
        holder = object()
        try:
            self._set_uninstalled(holder, True)
            yield
        finally:
            self._set_uninstalled(holder, False)

    def _set_uninstalled(self, holder: object, value: bool) -> None:
        with self._lock:
            self.state.drain_counts()
            (self._uninstalled.add if value else self._uninstalled.discard)(holder)
            self._install()
            self.refresh()

    def _follow_sessions(self) -> None:
        """Watch for fakes while there is a session, and install what it needs."""
        if self.state.engines:
            self._watch.begin()
        else:
            self._watch.end()
        self._install()
        if self._fakes is not None:
            for engine in self.state.engines:
                self._fakes.adopt(engine)

    def _active_filesystem(self) -> object:
        """Return what the wrappers are to stand on: None while there is no session, or all is uninstalled."""
        there = patcher() if self._watch.has_met else None
        if self._uninstalled or not self.state.engines:
            return None
        return _REAL if there is None else there.fs

    def _leave_filesystem(self) -> None:
        if self._filesystem is _REAL and self._installation is not None:
            self._installation.uninstall()
        elif self._fakes is not None and self._filesystem is not None:
            self._fakes.leave()

    def _install(self) -> None:
        """Install the wrappers on whichever file system is active now: the real one, or a fake."""
        wanted = self._active_filesystem()
        if wanted is self._filesystem and self._installed:
            return
        self._installed = False
        self._leave_filesystem()
        self._filesystem = wanted
        if wanted is _REAL and self._installation is not None:
            self._installation.install()
        elif wanted is not None:
            self._fakes = self._fakes or self._make_fakes()
            self._fakes.enter()
        if not self.state.engines:
            self._fakes = None
        self._installed = True

    def _make_fakes(self) -> FakeInstallation:
        from pytest_fsfault._intercept.fake.installation import FakeInstallation  # noqa: PLC0415  # for who uses pyfakefs

        return FakeInstallation(self.state, TIMES)

    def _start_clock(self, engine: Sessions) -> None:
        virtual_time = VirtualTime(is_exempt=self.callers.is_machinery, shut=1)
        if self._has_own_clock(engine):
            bind_clock(self.state, engine)
        self._virtual_times[engine] = virtual_time
        virtual_time.start(cast("Clock", engine.clock))


@cache
def interceptor() -> Interceptor:
    """Return the interceptor of this process."""
    return Interceptor()
