"""Who is asked now: one start/stop pair for each session; the wrappers come with the first, go with the last."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from functools import cache, partial
from typing import TYPE_CHECKING, Any, cast

from pytest_fsfault._core.clock import VirtualClock
from pytest_fsfault._intercept.calls.installation import TIMES, Mount
from pytest_fsfault._intercept.calls.open_files import toggle_methods
from pytest_fsfault._intercept.calls.state import NOBODY, Board, nobody_starts
from pytest_fsfault._intercept.children.parent.supervisor import Family
from pytest_fsfault._intercept.fake.detection import Watch
from pytest_fsfault._intercept.fake.isolation import patcher, paused
from pytest_fsfault._intercept.virtual_time.time_functions import Timing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_fsfault._core.clock import Clock
    from pytest_fsfault._core.engine.engine import Engine
    from pytest_fsfault._core.engine.interfaces import Model
    from pytest_fsfault._intercept.fake.installation import Fakes
    from pytest_fsfault._intercept.patching.patches import Patch

_REAL = object()


class Switch:
    """All patching of this process: one start/stop pair, whatever is nested in between."""

    def __init__(self) -> None:
        self.board = Board()
        self.callers = self.board.callers
        self._lock = threading.RLock()
        self._mount: Mount | None = None  # made when it is first needed
        self._timings: dict[Engine, Timing] = {}
        self._crashed = False
        self._model: Model | None = None
        self._before: list[tuple[dict[str, Any], str, Any]] = []
        self.family: Family | None = None
        self._is_kin = False
        self._watch = Watch(self._aside, lambda call: getattr(getattr(call, "__self__", None), "real", call))
        self._fakes: Fakes | None = None
        self._ground: object = None  # where the wrappers stand: None, before the real functions, or a fake
        self._stands_aside = 0

    @property
    def clock(self) -> VirtualClock | None:
        """The virtual clock that the sessions share, if there is one."""
        clocks = [engine.clock for engine in self.board.engines]
        return next((clock for clock in clocks if isinstance(clock, VirtualClock)), None)

    def start(self, engine: Engine) -> None:
        """Ask `engine` from now on, before those that are there, once its gate is open."""
        with self._lock:
            if self._mount is None:
                with paused():  # it stands in for real functions, also if a fake is there first
                    self._mount = Mount(self.board)
                self._found_family()
            if self.family is not None:
                self.family.cover(self._cover)
            first = not self.board.engines
            self.board.engines = (engine, *self.board.engines)
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

    def stop(self, engine: Engine, *, lost: bool = True) -> None:
        """Forget `engine`; with the last one everything is as it was.

        If a crash has ended it, files that are still open may have data that must never arrive; not if nothing
        can have been `lost`.
        """
        with self._lock:
            self.board.bank()
            self._crashed |= lost and engine.ended is not None
            self.board.engines = tuple(other for other in self.board.engines if other is not engine)
            timing = self._timings.pop(engine, None)
            if timing is not None:
                timing.stop()
            if self._fakes is not None:
                self._fakes.release(engine)
            if not self.board.engines:
                self._watch.end()
                self._settle()
            self.refresh()
            toggle_methods(self.board, crashed=self._crashed)
        if self.family is not None and not self.board.engines:
            self.family.end()  # out of the lock: who answers kin may want it

    def set_gate(self, engine: Engine, *, faults: bool, time: bool) -> None:
        """Open or shut the gate of one session: for faults, and for its clock."""
        with self._lock:
            self.board.bank()
            timing = self._timings.get(engine)
            if timing is not None and time is not engine.ticking:
                engine.ticking = time
                (timing.open if time else timing.shut)()
            engine.gate = faults
            self.refresh()

    def refresh(self) -> None:
        """Take in that rules, roots or gates have changed."""
        with self._lock:
            self.board.refresh()
            self._follow_model()
            if self.family is not None:
                self.family.follow()
            if not self.board.live and not self._crashed:
                return
            crashed = self._crashed or any(engine.ended is not None for engine in self.board.engines)
            toggle_methods(self.board, crashed=crashed)

    def _follow_model(self) -> None:
        """Put in place what belongs to the model that acts now, and take away what belonged to another."""
        model = self.board.model
        if model is self._model:
            return
        for space, name, value in reversed(self._before):
            space[name] = value
        self._before, self._model = [], model
        for space, name, value in model.patches() if model is not None else ():
            if name in space:
                self._before.append((space, name, space[name]))
                space[name] = value

    def shut(self) -> None:
        """Stand aside, for every session, until `unshut`: pytest works, or a debugger holds the test."""
        with self._lock:
            self.board.shut += 1
            self.board.live = False
            if self.family is not None:
                self.family.follow()
            for timing in self._timings.values():
                timing.shut()

    def unshut(self) -> None:
        """Undo one `shut`."""
        with self._lock:
            self.board.shut -= 1
            for timing in self._timings.values():
                timing.open()
            self.refresh()

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Let the calling thread work for us in the block: no fault meets it, and nothing is counted."""
        busy, me = self.board.busy, threading.get_ident()
        inner = me in busy
        busy.add(me)
        try:
            yield
        finally:
            if not inner:
                busy.discard(me)

    def __enter__(self) -> None:
        self.shut()

    def __exit__(self, *_: object) -> None:
        self.unshut()

    def sweep(self) -> None:
        """Put originals back where somebody else has put one of our wrappers after we had left.

        A mock that was made under faults and undone afterwards does that.
        """
        if self._mount is not None and not self.board.engines:
            self._mount.sweep()

    def drain(self) -> None:
        """Take in what child processes have told so far."""
        if self.family is not None:
            self.family.drain()

    def starts(self) -> int:
        """Return how many processes were started under faults so far."""
        return 0 if self.family is None else self.family.started()

    def unreached(self, first: int) -> list[str]:
        """Return a sentence for each of them, from the `first` on, that no fault has reached."""
        return [] if self.family is None else self.family.unreached(first)

    def _found_family(self) -> None:
        if self._is_kin:
            return
        self.family = Family(self.board, self._any_clock, self.become_kin)
        self.board.starting = self.family.starting

    def _cover(self, patches: list[Patch]) -> None:
        """Put more wrappers in place, while a session is open."""
        if self._mount is not None:
            self._mount.extend(patches, now=self._ground is _REAL)

    def _any_clock(self) -> Any:
        return self.clock or next((engine.clock for engine in self.board.engines), None)

    def join(self, engine: Engine) -> None:
        """Put the sessions of the parent in force in this process, of which it is kin."""
        self._is_kin = True
        self.start(engine)
        self.set_gate(engine, faults=engine.gate, time=True)

    def become_kin(self, directory: str) -> None:
        """Forget the sessions in a forked child; be kin of who answers in `directory`, if anybody does."""
        self._lock = threading.RLock()
        self.family, self._is_kin = None, True
        self.board.starting = nobody_starts
        self.board.busy.clear()
        self.board.mine = NOBODY
        self._timings.clear()
        self.board.engines = ()
        self._watch.end()
        self._settle()
        self.refresh()
        if directory:
            from pytest_fsfault._intercept.children.child.attach import join  # noqa: PLC0415

            join(self, directory)

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
            self.board.bank()
            self._stands_aside += step
            self._settle()
            self.refresh()

    def _settle(self) -> None:
        """Stand where the code under test has its file system: before the real functions, or before a fake's."""
        there = patcher() if self._watch.has_met else None
        wanted = _REAL if there is None else there.fs
        if self._stands_aside or not self.board.engines:
            wanted = None
        if wanted is self._ground:
            return
        if self._ground is _REAL and self._mount is not None:
            self._mount.uninstall()
        elif self._fakes is not None and self._ground is not None:
            self._fakes.leave()
        self._ground = wanted
        if wanted is _REAL and self._mount is not None:
            self._mount.install()
        elif wanted is not None:
            self._fakes = self._fakes or self._make_fakes()
            self._fakes.enter()
        if not self.board.engines:
            self._fakes = None

    def _make_fakes(self) -> Fakes:
        from pytest_fsfault._intercept.fake.installation import Fakes  # noqa: PLC0415  # for who uses pyfakefs

        return Fakes(self.board, TIMES)

    def _start_clock(self, engine: Engine) -> None:
        timing = Timing(is_exempt=self.callers.is_harness, shut=1 + self.board.shut)
        if isinstance(engine.clock, VirtualClock) and not any(
            other.clock is engine.clock for other in self._timings
        ):
            engine.clock.operations = partial(self._operations, engine)
            engine.clock.raise_if_ended = self._raise_if_ended
        self._timings[engine] = timing
        timing.start(cast("Clock", engine.clock))

    def _raise_if_ended(self) -> None:
        for engine in self.board.engines:
            if engine.gate:
                engine.raise_if_ended()

    def _operations(self, engine: Engine) -> int:
        """Return how many calls have been intercepted below the roots: each costs a moment of virtual time."""
        counted = sum([tally.count for tally in tuple(engine.tallies.values())])
        return counted + (self.board.pending() if engine.gate else 0)


@cache
def switch() -> Switch:
    """Return the one switch of this process."""
    return Switch()
