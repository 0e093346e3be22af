"""Session: engine, clock, gate and model of one test or block, from its start to its end."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from pytest_fsfault._core.clock import RealClock, VirtualClock
from pytest_fsfault._core.engine.engine import Engine, nothing
from pytest_fsfault._core.engine.guard import Guard
from pytest_fsfault._core.engine.plan import Armed
from pytest_fsfault._core.language.mistakes import FsFaultError
from pytest_fsfault._host.loading import load
from pytest_fsfault._host.paths import IGNORES_CASE
from pytest_fsfault._host.whole import complete, run_all
from pytest_fsfault._intercept.interceptor import interceptor
from pytest_fsfault._intercept.virtual_time.threads import ThreadActivity
from pytest_fsfault._session.forced_exit import forced_exit
from pytest_fsfault._session.options import as_rule
from pytest_fsfault._session.profiles import lookup
from pytest_fsfault._session.roots import checked_roots, default_roots, passing_directories
from pytest_fsfault._session.verification import Verification
from pytest_fsfault._windows.errnos import unix_errno

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pytest_fsfault._core.engine.journal import Entry, Journal
    from pytest_fsfault._core.engine.replay import Recording
    from pytest_fsfault._core.language.rules import Rule
    from pytest_fsfault._intercept.calls.gates import Gate
    from pytest_fsfault._session.ambient import Ambient
    from pytest_fsfault._session.forced_exit import ForcedExit
    from pytest_fsfault._session.options import Options
    from pytest_fsfault._session.profile import Profile
    from pytest_fsfault._windows.platform.pretend import Pretence
    from pytest_fsfault._windows.windows import Windows

# pytest leaves the frames of this module out of tracebacks: they are not the user's.
__tracebackhide__ = True


#: How a note of ours on an exception begins that is not ours.
SAID = "fsfault:"


class Proving(Protocol):
    """What a session asks of the proofs that run in it."""

    def close(self) -> None:
        """End what was left."""

    def findings(self) -> Iterable[str]:
        """Return what a green test must not hide."""
        ...

    def must_stand_alone(self) -> None:
        """Raise FsFaultError if a sweep is running."""

    def explain(self) -> str:
        """Return which trial a test was at; nothing if at none."""
        ...

    def failures(self) -> Iterable[tuple[str, tuple[Entry, ...]]]:
        """Return the first failed trial of each sweep, in words, and its journal."""
        ...

    def evidence(self) -> dict[str, list[dict[str, Any]]]:
        """Return what was tried, as data."""
        ...


class Session:
    """One session of faults. Users hold its `FsFault`; this is what the rooms work with."""

    def __init__(self, options: Options, ambient: Ambient, *, test: str = "") -> None:
        profile = lookup(_first(options.profile, ambient.profile), ambient.profiles)
        self.ambient = ambient
        self.profile = profile.name
        self.seed: int | str = _seed(options, ambient, profile.seed, test)
        self.children: bool = _first(options.children, profile.children, ambient.children, True)
        self.native: bool = self.children and _first(options.native, profile.native, ambient.native, True)
        self.clock = _clock(_first(options.clock, profile.clock, ambient.clock, "virtual"))
        roots = options.roots or ambient.roots or default_roots()
        self.engine = Engine(
            self.clock, roots, observing=profile.observe, children=self.children, ignore_case=IGNORES_CASE
        )
        self.engine.native, self.engine.unix_errno = self.native, unix_errno
        self.engine.named = options.named
        outside = _first(options.outside, profile.outside, ambient.outside)
        # A sweep whose body starts native programs refuses by itself.
        self.guard = None if outside == "allow" else Guard(partial(passing_directories, ambient.roots))
        self.engine.guard = self.guard if outside == "refuse" else None
        self.verification = Verification(self.engine, _first(options.strict, ambient.strict))
        self.verification.demands_native = options.native is True
        self.verification.guard = self.guard
        self.windows: Windows | None = None
        self.proofs: Proving | None = None
        self.over = False
        self.verdict = ""  # the exception class of that by which its test failed
        self._process = os.getpid()  # whose calls are counted
        self.trials: list[int] = []  # how long the journal was when a trial of a sweep began or ended
        self._forced_exit: ForcedExit | None = None
        self.numbered = ambient.numbered if options.roots is None else ()
        self._begin_replay(ambient.recordings.get(test), numbering=ambient.numbering)
        self._gate = False
        self._paused: set[object] = set()  # who has
        self.around: list[Armed] = []  # the rules of the run and of the profile, which need not fire
        self.own = [self._arm(rule) for rule in options.rules]
        from_outside = ambient.rules if options.profile != "off" else ()
        self.around = [self._arm(rule) for rule in (*from_outside, *profile.rules)]
        self._pretence: Pretence | None = None
        self._emulate(options, profile)

    def _begin_replay(self, recording: Recording | None, *, numbering: bool) -> None:
        """Let a recorded run decide, if there is one; number the calls for it, or for one to come."""
        if recording is None and not numbering:
            return
        from pytest_fsfault._core.engine.numbering import CallNumbers  # noqa: PLC0415  # for who replays or writes JSON
        from pytest_fsfault._core.engine.replay import Replay  # noqa: PLC0415

        if recording is not None:
            self.engine.replay = self.verification.replay = Replay(recording)
            self.engine.records_all |= recording.observed
            self.engine.plan.replays_windows = recording.speaks_windows
        self.engine.numbers = CallNumbers(numbered=bool(self.numbered), ignore_case=IGNORES_CASE)

    def _emulate(self, options: Options, profile: Profile) -> None:
        """Switch the Windows model on, if the test, its profile or the ini file names a version."""
        off = options.profile == "off"
        windows = _first(options.windows, profile.windows, None if off else self.ambient.windows)
        if windows is None:
            return
        load("_session.windows_model")
        from pytest_fsfault._windows import upkeep  # noqa: PLC0415  # it comes with the model

        model = self.make_windows(windows.version, dict(windows.options))
        for scanner in (*profile.scanners, *(() if off else self.ambient.scanners)):
            upkeep.add_scanner(model, **scanner.keywords)
        globs = [glob for glob in profile.pretend if glob not in self.ambient.pretend]
        if globs:
            from pytest_fsfault._windows.platform.pretend import pretend  # noqa: PLC0415  # for who asks for it

            self._pretence = pretend(*globs)
            self._pretence.start()

    def _arm(self, rule: Rule) -> Armed:
        load("_core.engine.near_misses")  # before a program forbids imports, as `pip install` does
        # What the test itself asks for comes before what the run adds, whenever it is added.
        armed = Armed(rule, self.seed, self.verification.on_exit, self.numbered)
        return self.engine.plan.add(armed, before=self.around)

    # Rules, roots, model.

    def add(self, rule: str | Rule) -> Armed:
        """Put a rule in force from now on, and return it with its counts."""
        armed = self._arm(as_rule(rule))
        self.own.append(armed)
        interceptor().refresh()
        return armed

    def add_root(self, path: str | os.PathLike[str]) -> None:
        """Watch one more directory, which need not exist yet."""
        self.engine.roots = tuple(dict.fromkeys((*self.engine.roots, *checked_roots([path]))))
        if self.windows is not None:
            from pytest_fsfault._windows.upkeep import follow_links  # noqa: PLC0415  # it comes with the model

            follow_links(self.windows, self.engine.roots)
        interceptor().refresh()

    def make_windows(self, version: str, options: dict[str, bool]) -> Windows:
        """Switch the Windows model on."""
        from pytest_fsfault._session import windows_model  # noqa: PLC0415  # who uses no model pays nothing for it

        made = self.windows = windows_model.windows(self.engine, version, options, self.seed)
        return made

    def add_windows(self, version: str, options: dict[str, bool]) -> Windows:
        """Switch the Windows model on while faults may act."""
        made = self.make_windows(version, options)
        interceptor().refresh()
        return made

    @property
    def journal(self) -> Journal:
        """What happened so far, in this process and in its Python children."""
        if not self.over:
            interceptor().drain()
        return self.engine.journal

    # The gate.

    def watch_for_ignored_end(self) -> None:
        """Make the code under test leave, should it swallow what has ended it, from now on."""
        self._forced_exit, self.engine.on_ignored = None, self._force_exit

    def _force_exit(self) -> None:
        """Count, from the first call on that comes after the end, how often it is ignored; make the thread leave in time."""
        self._forced_exit = forced_exit([self.engine])  # which is asked from now on
        self.engine.on_ignored()

    def open(self) -> None:
        """Open the gate: the code under test runs."""
        self.watch_for_ignored_end()
        self._gate = True
        self._set_gate()

    def close(self) -> None:
        """Shut the gate: what runs now is not the code under test."""
        if self._forced_exit is not None:
            self._forced_exit.end()
        self.engine.on_ignored = nothing  # it knows the engine, which is to need no garbage collection
        self._gate = False
        self._set_gate()

    def pause(self, holder: object, *others: Gate) -> None:
        """Shut the gate for faults, until `holder` resumes; the clock stays virtual. Set other gates with it."""
        self._paused.add(holder)
        self._set_gate(*others)

    def resume(self, holder: object, *others: Gate) -> None:
        """Undo the `pause` of a holder."""
        self._paused.discard(holder)
        self._set_gate(*others)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Pause for the block."""
        holder = object()
        try:
            self.pause(holder)
            self._listen(aside=True)
            yield
        finally:
            complete(partial(self.resume, holder))
            self._listen(aside=bool(self._paused))

    def _listen(self, *, aside: bool) -> None:
        """Hear what the user does while the faults are paused, for the message of a rule that never fired."""
        state = interceptor().state
        state.paused = state.paused | {self.engine} if aside else state.paused - {self.engine}
        state.hears_early = bool(state.paused)
        self.verification.was_paused = True

    def _set_gate(self, *others: Gate) -> None:
        self.verification.set_gate(*others, faults=self._gate and not self._paused, time=self._gate)

    # Start and end.

    def start(self) -> None:
        """Put everything in place; faults act once the gate is open."""
        try:
            self.verification.prepare()
            interceptor().start(self.engine)
            self.verification.start()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Take everything away that `start` put in place, whatever a part of it raises."""
        if self.over:
            return
        try:
            self._stop()
        except BaseException:
            with suppress(BaseException):
                self._stop()  # a signal handler may have cut it off
            self.over = True
            raise
        self.over = True

    def _stop(self) -> None:
        run_all(
            self._end_proofs,
            self._end_call,
            self.verification.stop,
            partial(interceptor().stop, self.engine),
            self.verification.leave,
            self._end_windows,
        )

    def _end_call(self) -> None:
        """Shut the gate, unless that is done: as a rule the test was called, and what ends now is its teardown."""
        if self._gate or self.engine.gate or self.engine.ticking or self.verification.records:
            self.close()

    def _end_proofs(self) -> None:
        if self.proofs is not None:
            self.proofs.close()

    def _end_windows(self) -> None:
        if self._pretence is not None:
            self._pretence.stop()
        if self.windows is not None:
            self.windows.close()
            self.engine.forget_model()

    def must_go_on(self) -> None:
        """Raise FsFaultError once the session has been stopped."""
        if self.over:
            raise FsFaultError(
                "this session of faults is over, so nothing would happen; use it within its test or block"
            )

    def explain(self, error: BaseException) -> None:
        """Note on an error that leaves the test what it does not say by itself: the trial, rules that never fired."""
        if os.getpid() != self._process:
            return
        explained = any(note.startswith(f"{SAID} this is ") for note in getattr(error, "__notes__", ()))
        trial = "" if self.proofs is None or explained else self.proofs.explain()
        missed = [] if trial or explained else list(self.verification.near_misses(self.own))
        standstill = "" if explained else self.verification.standstill()
        for sentence in [trial, *missed, standstill]:
            if sentence:
                error.add_note(f"{SAID} {sentence}")

    def verify(self) -> None:
        """Raise AssertionError for what a green test must not hide, unless this is a fork of its process."""
        if os.getpid() != self._process:
            return
        proofs = None if self.proofs is None else self.proofs.findings()
        self.verification.verify(self.own, proofs=proofs, windows=self._windows_findings())

    def _windows_findings(self) -> list[str]:
        if self.windows is None:
            return []
        from pytest_fsfault._windows.upkeep import findings  # noqa: PLC0415  # it comes with the model

        return findings(self.windows)


def _clock(kind: str) -> VirtualClock | RealClock:
    return RealClock() if kind == "real" else interceptor().clock or VirtualClock(ThreadActivity())


def _seed(options: Options, ambient: Ambient, of_profile: int | None, test: str) -> int | str:
    """Return the seed: a run's serves each test in its own way; what the test or its profile names is taken as it is."""
    named = None if options.profile is None else of_profile
    found: int | str = _first(options.seed, named, f"{ambient.seed}:{test}" if test else ambient.seed)
    return found


def _first(*values: Any) -> Any:
    for value in values:
        if value is not None:
            return value
    return None
