"""Activate a session's faults for the duration of one trial."""

from __future__ import annotations

import sys
import threading
from _thread import allocate_lock
from contextlib import contextmanager
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING

from pytest_fsfault._core.engine.counts import ends_of
from pytest_fsfault._core.engine.endings import RetryStorm, SimulatedCrash
from pytest_fsfault._core.engine.engine import Engine
from pytest_fsfault._core.engine.trial_marks import REASON
from pytest_fsfault._host import processes
from pytest_fsfault._host.paths import IGNORES_CASE
from pytest_fsfault._host.whole import complete
from pytest_fsfault._intercept.calls.gates import Gate
from pytest_fsfault._intercept.fake.fake_functions import native
from pytest_fsfault._intercept.fake.filesystem import in_force
from pytest_fsfault._intercept.interceptor import interceptor
from pytest_fsfault._prove.outcomes import TrialOutcome
from pytest_fsfault._prove.retries import retries
from pytest_fsfault._session import open_handles, windows_model
from pytest_fsfault._session.forced_exit import forced_exit
from pytest_fsfault._session.handed_over import on_behalf
from pytest_fsfault._session.roots import forms
from pytest_fsfault._windows import upkeep
from pytest_fsfault._windows.errnos import unix_errno

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import FrameType
    from typing import Any

    from pytest_fsfault._core.engine.journal import Entry
    from pytest_fsfault._core.engine.plan import Armed
    from pytest_fsfault._prove.injection_points import Stack
    from pytest_fsfault._prove.retries import Retry
    from pytest_fsfault._prove.workspace import Workspace
    from pytest_fsfault._session.session import Session
    from pytest_fsfault._windows.windows import Windows

# pytest leaves the frames of this module out of tracebacks: they are not the user's.
__tracebackhide__ = True

# Real seconds that the threads of a crashed trial get to notice.
_LAST_BREATH = 0.2
# Real seconds that another thread gets to end it, which does so at once.
_LAST_WORDS = 2.0


class TrialEnvironment:
    """Let the faults of one trial at a time act, within a session that stands aside in between."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.roots: tuple[str, ...] = ()
        self._engine: Engine | None = None
        self._frame: FrameType | None = None
        self._waited = 0
        self._noted = 0
        self._ending = allocate_lock()  # held until a crash has ended what it has to end
        self._children: frozenset[int] = frozenset()
        self._threads: set[threading.Thread] = set()
        self._excepthook = threading.excepthook
        self._left: Any = None
        self._forced_exit = forced_exit([])
        self._directory = ""
        self._mark: Any = None

    @property
    def ignores_case(self) -> bool:
        """Whether two names are one that differ by case alone: on Windows, and under the model."""
        return self._session.engine.plan.ignore_case

    def begin(self) -> None:
        """Shut everything out until a trial runs."""
        self._session.pause(self)
        windows = self._session.windows
        self._mark = None if windows is None else upkeep.mark(windows)

    def must_stand_alone(self) -> None:
        """Raise FsFaultError if the trials of another sweep are running."""
        if self._session.proofs is not None:
            self._session.proofs.must_stand_alone()

    def watch(self, workspace: Workspace) -> None:
        """Watch the directory in which the trees stand."""
        self.roots = tuple(dict.fromkeys((*forms(workspace.root), *forms(workspace.root.parent))))
        for root in (workspace.root.parent, workspace.root):
            self._session.add_root(root)
        self._left = self._remains()

    def end(self) -> None:
        """Let the session go on as before."""
        self._renew_model()
        self.settle()
        if self._engine is not None:
            interceptor().stop(self._engine)
            self._engine = None
        self._session.resume(self)
        self.progress("")

    def progress(self, text: str) -> None:
        """Show the progress of the trials; an empty text ends it."""
        self._session.ambient.progress(text)

    def renew(self) -> None:
        """Undo what belonged to the tree of the last trial."""
        self._session.engine.reset()
        self._renew_model()

    def _renew_model(self) -> None:
        windows = self._session.windows
        if windows is not None:
            upkeep.rewind(windows, self._mark)

    def lingers(self) -> bool:
        """Return whether `prepare` has left behind what no copy of its tree would have."""
        return bool(self._remains() != self._left)

    def _remains(self) -> Any:
        windows = self._session.windows
        holds = [] if windows is None else windows.holds
        return holds, open_handles.below(self.roots), processes.living(), threading.active_count()

    def enter(self, token: int, armed: Iterable[Armed], frame: FrameType) -> None:
        """Let the faults act on what `frame` calls."""
        engine = self._engine or self._make()
        engine.begin(token, armed)
        self._ending = allocate_lock()
        self._ending.acquire()
        self._frame = frame
        self._forced_exit = forced_exit([engine, self._session.engine], frame)
        self._part_journal()
        self._directory = native().getcwd()
        self._waited = len(self._session.clock.waits)
        self._noted = len(self._session.engine.journal)
        self._children = processes.living()
        self._entered = processes.uptime()
        self._threads = set(threading.enumerate())
        self._excepthook, threading.excepthook = threading.excepthook, self._end_quietly
        self._open(Gate(engine, faults=True, time=True))

    def _open(self, gate: Gate) -> None:
        """Let the trial act, and the session as well: its rules and its model hold in a trial."""
        self._session.engine.proving = True
        self._session.resume(self, gate)

    def _shut(self, gate: Gate) -> None:
        self._session.engine.proving = False
        self._session.pause(self, gate)

    def _make(self) -> Engine:
        engine = self._engine = Engine(
            self._session.clock, self.roots, children=self._session.children, ignore_case=IGNORES_CASE
        )
        engine.native, engine.unix_errno = self._session.native, unix_errno
        engine.guard = self._session.guard
        engine.sorts = True
        interceptor().start(engine)
        engine.on_end = self._ended
        return engine

    def on_behalf(self, function: Callable[..., object]) -> Callable[..., object]:
        """Return a function of the standard library such that its calls count as those of the user's line."""
        return on_behalf(function)

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Refuse changes outside the roots in the block, if trials do: what half a trial has left may lead there."""
        __tracebackhide__ = True
        guard = self._session.guard
        if guard is None:
            yield
            return
        self.settle()  # what is opened from now on is none of those files that a crash has lost
        engine = Engine(self._session.clock, self.roots, children=self._session.children)
        engine.native, engine.unix_errno, engine.guard = self._session.native, unix_errno, guard
        interceptor().start(engine)
        try:
            interceptor().set_gates([Gate(engine, faults=True, time=False)])
            yield
        finally:
            complete(partial(interceptor().set_gates, [Gate(engine, faults=False, time=False)]))
            complete(partial(interceptor().stop, engine))

    def _ended(self) -> None:
        """Let nothing go on after a crash: neither our calls nor the processes that were started."""
        interceptor().refresh()
        try:
            processes.kill(self._children, mark=interceptor().mark(), since=self._entered)
        finally:
            if self._ending.locked():
                self._ending.release()

    def leave(self) -> TrialOutcome:
        """Let nothing act any more; return what happened."""
        engine = self._engine
        assert engine is not None  # noqa: S101  # made when the block was entered
        self._forced_exit.end()
        self._part_journal()
        self._session.watch_for_ignored_end()
        ended = engine.ended
        if ended is not None:
            # Another thread may be ending it, for a child process: what is started next must not die with it.
            self._ending.acquire(timeout=_LAST_WORDS)
            self._outlast_threads()
        threading.excepthook = self._excepthook
        # Between trials the clock of the session goes on, virtual as around the sweep.
        self._shut(Gate(engine, faults=False, time=True))
        self._frame = None
        self._return_home()
        # A model refuses by itself what no trial has injected.
        injected = tuple(entry for entry in engine.journal.faults if REASON in entry.reason)
        waits = tuple(self._session.clock.waits[self._waited :])
        return TrialOutcome(injected, waits, ended or self._storm(), self._entries(engine))

    def _entries(self, engine: Engine) -> tuple[Entry, ...]:
        """Return what the trial and the session around it have written down, each call once, in the order of time."""
        found = [*self._session.engine.journal[self._noted :], *engine.journal]
        once = {(entry.at, entry.process, entry.thread, *entry[1:4]): entry for entry in found}
        return tuple(sorted(once.values(), key=lambda entry: entry.at))

    def _part_journal(self) -> None:
        """Let no entry from now on be an attempt of one before."""
        self._session.trials.append(len(self._session.engine.journal))

    def settle(self) -> None:
        """End what a crash has left, before the tree is put aside."""
        engine = self._engine
        if engine is not None and engine.ended is not None:
            # What it still has open is lost for good: the next trial has an engine of its own.
            self._engine = None
            self._stop(engine, crashed=True)

    def _stop(self, engine: Engine, *, crashed: bool) -> None:
        lost = crashed and bool(open_handles.below(self.roots))
        interceptor().stop(engine, lost=lost)
        fake = in_force()
        if lost and fake is not None:
            fake.forget_below(self.roots, closing=True)  # nothing else ever does

    def _return_home(self) -> None:
        """Leave the tree, which will be gone, if the code under test has entered it."""
        try:
            moved = native().getcwd() != self._directory
        except OSError:  # it is gone already
            moved = True
        if moved:
            native().chdir(self._directory)

    def _end_quietly(self, told: threading.ExceptHookArgs, /) -> None:
        """Say nothing of a thread that was ended with its trial; of any other, what is usually said."""
        if not issubclass(told.exc_type, (SimulatedCrash, RetryStorm)):
            self._excepthook(told)

    def _outlast_threads(self) -> None:
        """Wait a moment for the threads of the trial: each call and each wait of theirs ends them."""
        until = monotonic() + _LAST_BREATH
        for thread in threading.enumerate():
            if thread not in self._threads:
                thread.join(max(0.0, until - monotonic()))

    def _storm(self) -> BaseException | None:
        """Return a storm that the session's own rules or model have seen; it ends this trial alone."""
        outer = self._session.engine
        if isinstance(outer.ended, RetryStorm):
            storm, outer.ended = outer.ended, None
            return storm
        return None

    def stack(self) -> Stack:
        """Return the lines of the project that are at work, above the frame of the trial."""
        return interceptor().callers.stack(sys._getframe(1), self._frame)

    def escaped(self, told: str) -> None:
        """Write down a change that no call of ours has made; ``strict="all"`` fails on it."""
        self._session.engine.escapes.append(told)

    def strays(self, names: frozenset[str]) -> str:
        """Say which of the operations in `names` were seen elsewhere, if none was seen in the tree."""
        interceptor().state.drain_counts()
        engine = self._session.engine
        for name in sorted(names & engine.tallies.keys()):
            if engine.tallies[name].paths:
                return f"; it called {name} on {ends_of(engine.tallies[name].paths[-1])[0]}"
        name = next((name for name in sorted(names) if name in engine.outside), "")
        return f"; it called {name} on {engine.outside[name]}" if name else ""


class ModelEnvironment(TrialEnvironment):
    """An environment with a Windows model of its own, anew for each trial; the session is paused all the time.

    `declare` gets the model before the faults act, and says who has what open.
    """

    def __init__(self, session: Session, declare: Callable[[Windows], object]) -> None:
        super().__init__(session)
        self._declare = declare
        self._own: Windows | None = None

    def enter(self, token: int, armed: Iterable[Armed], frame: FrameType) -> None:
        """Let the faults and the model act on what `frame` calls."""
        self.settle()
        engine = self._make()
        there = self._session.windows
        version = "11" if there is None else there.version
        self._own = windows_model.windows(engine, version, {}, self._session.seed)
        self._declare(self._own)
        super().enter(token, armed, frame)

    def settle(self) -> None:
        """End the engine and the model of the last trial."""
        engine, self._engine = self._engine, None
        if engine is not None:
            self._stop(engine, crashed=engine.ended is not None)
        own, self._own = self._own, None
        if own is not None:
            own.close()

    def retries(self) -> list[Retry]:
        """Return how the files of the last trial fared that met an error."""
        engine = self._engine
        if engine is None:
            return []
        return retries(engine.journal, self._session.clock.waits, self.roots)

    def _open(self, gate: Gate) -> None:
        """Let the trial act alone."""
        interceptor().set_gates([gate])

    def _shut(self, gate: Gate) -> None:
        """Shut its gate again."""
        interceptor().set_gates([gate])
