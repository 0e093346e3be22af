"""The state that all wrappers share: whether anything is to be decided, below which roots, for which sessions."""

from __future__ import annotations

from _thread import get_ident
from sys import _getframe
from typing import TYPE_CHECKING, Any, Protocol

from pytest_fsfault._core.engine.interfaces import FastPath
from pytest_fsfault._core.engine.listings import LISTINGS
from pytest_fsfault._core.language.operations import OPERATIONS
from pytest_fsfault._core.language.rows import Row
from pytest_fsfault._intercept.calls.paths import REAL_PATHS
from pytest_fsfault._intercept.patching.callers import Callers
from pytest_fsfault._intercept.patching.mocks import MockWatch

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Callable, Container, Iterable, Mapping
    from types import FrameType

    from pytest_fsfault._core.engine.interfaces import ModelView, Sessions


class CallCounter(Protocol):
    """One intercepted function, as the state that all share sees it."""

    operation: str
    calls: int
    paths: deque[Any]  # the last ones, also of calls that then went the long way, where they are counted
    outside_path: str | None  # the first path outside the roots that the code under test named

    def forget(self) -> None:
        """Drop what was remembered about paths: rules, roots or the gate have changed."""

    def drain_counts(self) -> tuple[int, list[str]]:
        """Hand over the calls that no rule concerned, and start counting anew."""
        ...


class Liveness(Protocol):
    """Stands for `live` in a process whose sessions are its parent's: it looks for changes before it answers."""

    value: bool

    def __bool__(self) -> bool:
        """Return whether an open session exists."""
        ...


def ignore_starts(*_: object) -> None:
    """Default of `starting`: ignore process starts."""


class Observed(Row):
    """What one session saw of calls that no rule could meet, for the message of a rule that never fired."""

    mocks: dict[tuple[str, str], str]  # by module and name of the function, what stood in its place
    exempt: dict[str, str]  # by operation, the path of a call that was made by pytest's own `py.path`
    early: dict[str, str]  # and of one that was made before the first gate opened, as a rule in a fixture
    paused: dict[str, str]  # and of one that was made in `paused()`


#: The operations that return the status of a file.
STATUSES = frozenset({"os.stat", "os.lstat"})
UNANNOUNCED = object()  # no wrapper has announced a call to the audit hook


class InterceptState:
    """The one state that all wrappers share.

    `live` is the cheap first question: does an open session exist at all? `announced` is the first argument of
    the real call that a wrapper is about to make: the audit hook knows by its identity that this call has
    been decided already. (Another thread may come between, at the hook's first instruction: an event that
    does not match is known by its caller's frame, which is one of ours.)
    """

    __slots__ = (
        "_drained",
        "_guards",
        "_modelled",
        "announced",
        "attached",
        "callers",
        "engines",
        "fast_paths",
        "folders",
        "guarded",
        "hears_early",
        "interceptors",
        "live",
        "mocks",
        "models",
        "observed",
        "on_fake",
        "own_threads",
        "paused",
        "root_prefixes",
        "show",
        "shut",
        "starting",
        "top_roots",
        "used",
        "working",
    )

    def __init__(self) -> None:
        self.live: bool | Liveness = False  # asked for its truth alone
        self.attached: Liveness | None = None
        self._drained = True  # nothing can have been counted since the last time
        # What the wrappers know of since they began anew: a guard, and which of them a model concerns.
        self._guards, self._modelled = False, frozenset[str]()
        self.fast_paths: Mapping[str, FastPath] = {}  # of the models, by operation
        self.announced: object = UNANNOUNCED
        self.engines: tuple[Sessions, ...] = ()  # the innermost session first
        self.models: tuple[ModelView, ...] = ()  # of the open sessions, the innermost first
        # What the code under test gets for the status of a file; None: what the system says.
        self.show: Callable[[Any, object], Any] | None = None
        self.observed: dict[Sessions, Observed] = {}  # by session, while it is there
        self.hears_early = False
        self.paused: frozenset[Sessions] = frozenset()  # by their users: what happens meanwhile is heard, too
        self.mocks = MockWatch(self._note_mock)
        self.shut: set[object] = set()  # who holds all gates shut
        self.guarded: tuple[Sessions, ...] = ()  # the open sessions that refuse changes outside the roots
        self.on_fake = False  # a fake file system is in force: the real one is left alone
        self.own_threads: set[int] = set()  # threads of ours
        self.working: dict[int, FrameType] = {}  # threads of others in which we work, and for which frame
        self.callers = Callers()
        self.starting: Callable[[str, tuple[Any, ...], FrameType | None], object] = ignore_starts
        self.interceptors: list[CallCounter] = []
        # Those that may remember or have counted something: each enters itself before it first does, and stays,
        # since a thread that has outlived its session may still be about to write something down.
        self.used: set[CallCounter] = set()
        self.top_roots: frozenset[str] = frozenset()
        self.root_prefixes: tuple[str, ...] = ()
        self.folders: set[str] = set()  # below the roots or roots themselves, and visibly absolute and normal

    def observe(self, session: Sessions) -> None:
        """Collect for a session, from now on, the calls that no rule can meet."""
        self.observed[session] = Observed({}, {}, {}, {})
        self.mocks.start()

    def end_observation(self, session: Sessions) -> None:
        """Collect nothing more for a session."""
        self.observed.pop(session, None)
        self.paused -= {session}
        if not self.observed:
            self.mocks.stop()

    def _note_mock(self, module: str, name: str, what: str) -> None:
        for observed in tuple(self.observed.values()):
            observed.mocks[module, name] = what

    def become_child(self) -> None:
        """Forget, in a forked child, what is of the process that was forked."""
        self.starting = ignore_starts
        self.own_threads.clear()
        self.working.clear()
        self.announced = UNANNOUNCED
        self.engines = ()
        self.attached = None
        self.shut.clear()

    def works_for_us(self) -> bool:
        """Return whether what this thread does now is our own work, which no fault meets.

        An exception that a signal handler raises may cut off who has entered a frame in `working` before it can
        leave: so what counts is whether the frame is still being executed.
        """
        me = get_ident()
        if me in self.own_threads:
            return True
        wanted = self.working.get(me) if self.working else None
        if wanted is None:
            return False
        frame: FrameType | None = _getframe(1)
        while frame is not None:
            if frame is wanted:
                return True
            frame = frame.f_back
        self.working.pop(me, None)
        return False

    # Hot: runs whenever a gate opens or shuts, several times in each test, so that the steps stand in one function.
    def refresh(self) -> None:
        """Update after a change of sessions, rules, roots or gates."""
        self.drain_counts()
        gates = [engine for engine in self.engines if engine.gate]
        self.set_live(bool(gates) and not self.shut and not self.on_fake)
        if not gates:
            self.models, self.show, self.guarded = (), None, ()
            REAL_PATHS.knows_verbatim = False
            return
        models = [engine.model for engine in gates if engine.model is not None]
        self.models = tuple(models)
        self.show = models[0].view() if models else None
        self.guarded = tuple([one for one in gates if one.guard is not None])
        REAL_PATHS.knows_verbatim = self.show is not None
        self._drained = False
        roots = frozenset().union(*[engine.roots for engine in gates])
        self.top_roots = roots
        self.folders = set()
        self.root_prefixes = tuple([root.rstrip("/") + "/" for root in roots])
        self.fast_paths = self._ask_models()
        self._forget()

    def set_live(self, value: bool) -> None:
        """Set whether an open session exists."""
        if self.attached is None:
            self.live = value
        else:
            self.attached.value, self.live = value, self.attached

    @property
    def model(self) -> ModelView | None:
        """The model of the innermost session that has one."""
        return self.models[0] if self.models else None

    def _ask_models(self) -> Mapping[str, FastPath]:
        """Return by operation what lets its plain calls pass without a judgement by a model."""
        found = [model.fast_paths() for model in self.models]
        if len(found) < 2:  # noqa: PLR2004  # as a rule one session has a model
            return found[0] if found else {}
        names = dict.fromkeys(name for paths in found for name in paths)
        return {name: _together([paths[name] for paths in found if name in paths]) for name in names}

    def _forget(self) -> None:
        """Let those wrappers begin anew that may have remembered something, or that a model or a guard concerns."""
        told = set(self.used)
        modelled = STATUSES.union(self.fast_paths) if self.models else frozenset()
        if self._guards or self.guarded:
            told.update(self.interceptors)
        elif self._modelled or modelled:
            concerned = self._modelled | modelled
            told.update([one for one in self.interceptors if one.operation in concerned])
        self._guards, self._modelled = bool(self.guarded), modelled
        for interceptor in told:
            interceptor.forget()

    def raise_if_ended(self) -> None:
        """Raise what has ended a session whose gate is open."""
        for engine in self.engines:
            if engine.gate:
                engine.raise_if_ended()

    def operations(self, engine: Sessions) -> int:
        """Return how many calls have been intercepted below the roots: each costs a moment of virtual time."""
        counted = engine.counted
        if engine.gate and not self._drained:
            for one in tuple(self.used):
                counted += one.calls
        return counted

    # Hot: runs whenever a gate opens or shuts, over all wrappers that were used.
    def drain_counts(self) -> None:
        """Credit the calls counted since the last time to the open sessions."""
        if self._drained:
            return
        self._drained = not self.live
        used = tuple(self.used)
        gates = [engine for engine in self.engines if engine.gate] if used else []
        for interceptor in used:
            outside = interceptor.outside_path
            if outside is None and not (interceptor.calls or interceptor.paths):
                continue
            if outside is not None:
                for engine in gates:
                    engine.outside[interceptor.operation] = outside
            calls, paths = interceptor.drain_counts()
            if calls:
                for engine in gates:
                    engine.count(interceptor.operation, calls, paths)

    def pending(self, names: Container[str] = OPERATIONS) -> int:
        """Return how many calls of these operations were counted since `drain_counts`."""
        if self._drained:
            return 0
        return sum([one.calls for one in tuple(self.used) if one.operation in names])

    def superset(self, name: str, *, target: bool) -> Callable[[str], object] | None:
        """Return a quick test whether any rule may concern a path (or target) of operation `name`.

        None means that no rule can; the test errs on the side of yes.
        """
        found = self.tests(self.engines, name, target=target)
        if not found:
            return None
        return found[0] if len(found) == 1 else _either(found)

    def tests(
        self, engines: Iterable[Sessions], name: str, *, target: bool, recording: bool = False
    ) -> list[Callable[[str], object]]:
        """Return quick tests of which one holds for each path (or target) of `name` that any rule may concern.

        With `recording` it is known that all is written down anyway.
        """
        found: list[Callable[[str], object] | None] = []
        for engine in engines:
            if not engine.gate:
                continue
            if (engine.observing and not recording) or _asks_always(engine, name):
                return [_always]
            found.append(engine.plan.superset(name, engine.roots, target=target))
            if engine.model is not None:
                found.append(engine.model.concerns(name, target=target))
        return [test for test in found if test is not None]

    @property
    def observes(self) -> bool:
        """Whether an open session asks about every call."""
        return any([engine.gate and engine.observing for engine in self.engines])  # noqa: C419  # a generator takes longer

    def speaks_of(self, names: frozenset[str]) -> bool:
        """Return whether any rule may concern one of these operations, whatever its path; never a wrong no."""
        for engine in self.engines:  # a generator takes longer
            if engine.gate and (
                engine.observing
                or engine.ended is not None
                or engine.model is not None
                or not names.isdisjoint(engine.plan.names)
            ):
                return True
        return False

    def watched(self, path: str) -> bool:
        """Return whether an absolute, normalised path lies below a root."""
        return path.startswith(self.root_prefixes) or path in self.top_roots


def _asks_always(engine: Sessions, name: str) -> bool:
    """Return whether a session wants to be asked about all calls of an operation, whatever its rules say."""
    return engine.ended is not None or (engine.sorts and name in LISTINGS)


def _together(paths: list[FastPath]) -> FastPath:
    """Return the quick test of several models, each of which has to agree."""
    if len(paths) == 1:
        return paths[0]
    return FastPath(
        lambda *args: all(path.before(*args) for path in paths),
        lambda *args: [path.after(*args) for path in paths],
    )


def _always(_path: str) -> bool:
    return True


def _either(tests: list[Callable[[str], object]]) -> Callable[[str], object]:
    return lambda path: any(test(path) for test in tests)
