"""FsFault, the object that users hold: it wires the rooms, and verifies at the end."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

from pytest_fsfault._core.clock import RealClock, VirtualClock
from pytest_fsfault._core.engine.engine import Engine
from pytest_fsfault._core.engine.plan import Armed
from pytest_fsfault._core.language.mistakes import FsFaultError
from pytest_fsfault._host.paths import IGNORES_CASE
from pytest_fsfault._intercept.fake.filesystem import WHOLE
from pytest_fsfault._intercept.interceptor import interceptor
from pytest_fsfault._intercept.virtual_time.threads import ThisProcess
from pytest_fsfault._prove import retries as _retries
from pytest_fsfault._report.evidence import evidence
from pytest_fsfault._report.lines import journal_lines
from pytest_fsfault._session.options import Ambient, Options, as_rule, checked_roots, default_roots
from pytest_fsfault._session.profiles import Profile, built_in, lookup
from pytest_fsfault._session.verification import Verification
from pytest_fsfault._windows.errnos import unix_errno

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from pytest_fsfault._core.engine.journal import Journal
    from pytest_fsfault._core.language.faults import Fault
    from pytest_fsfault._core.language.rules import Rule
    from pytest_fsfault._prove.injection_points import Distinct
    from pytest_fsfault._prove.sweep import Sweep
    from pytest_fsfault._prove.tolerance import Tolerance
    from pytest_fsfault._prove.tree import Tree
    from pytest_fsfault._session.options import ClockName
    from pytest_fsfault._session.proofs import Proofs
    from pytest_fsfault._windows.windows import Windows

# pytest leaves the frames of this module out of tracebacks: they are not the user's.
__tracebackhide__ = True


class FsFault:
    """One session of faults: the rules in force, the clock, and the journal of what happened."""

    __module__ = "pytest_fsfault"

    def __init__(self, options: Options, ambient: Ambient, *, test: str = "") -> None:
        profile = _profile(options, ambient)
        self._surroundings = ambient
        # A run's seed serves each test in its own way; one that the test names, or its profile, is taken as it is.
        named = None if options.profile is None else profile.seed
        self.seed: int | str = _first(options.seed, named, f"{ambient.seed}:{test}" if test else ambient.seed)
        self._numbered = ambient.numbered if options.roots is None else ()
        roots = options.roots or ambient.roots or default_roots()
        self._clock_name: ClockName = _first(options.clock, profile.clock, ambient.clock, "virtual")
        self.profile = profile.name
        self._clock = self._choose_clock()
        self.children: bool = _first(options.children, profile.children, ambient.children, True)
        self.native: bool = self.children and _first(options.native, profile.native, ambient.native, True)
        self._engine = Engine(
            self._clock, roots, observing=profile.observe, children=self.children, ignore_case=IGNORES_CASE
        )
        self._engine.native, self._engine.unix_errno = self.native, unix_errno
        self._demands_native = options.native is True
        self._engine.named = options.named
        self._verification = Verification(
            self._engine, ambient.strict if options.strict is None else options.strict
        )
        self._ambient: list[Armed] = []
        self._own = [self._arm(rule) for rule in options.rules]
        from_outside = ambient.rules if options.profile != "off" else ()
        self._ambient = [self._arm(rule) for rule in (*from_outside, *profile.rules)]
        self._gate = False
        self._paused = 0
        self._over = False
        self._windows: Windows | None = None
        self._proofs: Proofs | None = None
        version = _first(options.windows, profile.windows)
        if version is not None:
            self._make_windows(version, {})
            for name in profile.scanners:
                self.windows().scanner(name)

    def _choose_clock(self) -> VirtualClock | RealClock:
        if self._clock_name == "real":
            return RealClock()
        return interceptor().clock or VirtualClock(ThisProcess())

    def _arm(self, rule: Rule) -> Armed:
        # What the test itself asks for comes before what the run adds, whenever it is added.
        armed = Armed(rule, self.seed, self._verification.verify_one, self._numbered)
        return self._engine.plan.add(armed, before=self._ambient)

    # What users call.

    def add(self, rule: str | Rule) -> Armed:
        """Put a rule in force from now on, and return it with its counts."""
        self._must_go_on()
        armed = self._arm(as_rule(rule))
        self._own.append(armed)
        interceptor().refresh()
        return armed

    def add_root(self, path: str | os.PathLike[str]) -> None:
        """Watch one more directory, which need not exist yet."""
        self._must_go_on()
        self._engine.roots = tuple(dict.fromkeys((*self._engine.roots, *checked_roots([path]))))
        if self._windows is not None:
            self._windows.follow_links(self._engine.roots)
        interceptor().refresh()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Switch the faults off for a while; the clock stays virtual."""
        self._must_go_on()
        self._paused += 1
        self._set_gate()
        try:
            yield
        finally:
            self._paused -= 1
            self._set_gate()

    @property
    def journal(self) -> Journal:
        """What happened so far, in this process and in its Python children."""
        if not self._over:
            interceptor().drain()
        return self._engine.journal

    @property
    def clock(self) -> VirtualClock | RealClock:
        """Time as the code under test sees it."""
        return self._clock

    @property
    def roots(self) -> tuple[str, ...]:
        """The watched directories."""
        return self._engine.roots

    def windows(self, version: str | None = None, **options: bool) -> Windows:
        """Switch the Windows model on, and return it; called again, return the same model.

        `version` is ``"7"``, ``"server-2019"``, ``"10"`` or ``"11"`` (the default). Options are
        `posix_delete`, `long_paths`, `developer_mode` and `case_sensitive`. Raise FsFaultError for another
        version than that of the model that is there.
        """
        self._must_go_on()
        if self._windows is None:
            self._make_windows("11" if version is None else version, options)
            interceptor().refresh()
        assert self._windows is not None  # noqa: S101  # made above
        if options or version not in (None, self._windows.version):
            self._windows.must_be(version, options)
        return self._windows

    def _make_windows(self, version: str, options: dict[str, bool]) -> None:
        from pytest_fsfault._session import windows_model  # noqa: PLC0415  # who uses no model pays nothing for it

        self._windows = windows_model.windows(self._engine, version, options, self.seed)

    def retries(self, operation: str | None = None, path: str | None = None) -> list[_retries.Retry]:
        """Return, for each file that met an error, how often it was tried and how long was waited.

        `operation` is an operation or a group, `path` a glob as in a rule.
        """
        return _retries.retries(self.journal, self._clock.waits, self.roots, operation, path)

    def assert_retried(
        self, operation: str, attempts: int | None = None, within: float | None = None
    ) -> None:
        """Assert that `operation` met an error and was tried again until it succeeded.

        `attempts` is the number of calls that each file took, the first included; `within` the most that all
        waits for one file may add up to, in virtual seconds.
        """
        _retries.assert_retried(self.retries(operation), operation, attempts, within)

    def assert_not_retried(self, operation: str) -> None:
        """Assert that `operation` met an error and was not tried again."""
        _retries.assert_not_retried(self.retries(operation), operation)

    def tree(self, root: str | os.PathLike[str]) -> Tree:
        """Return a snapshot of what is at `root` now; it need not exist, and links are not followed."""
        return self._prove().tree(root)

    def sweep(
        self,
        prepare: Callable[[Path], object],
        *,
        faults: Iterable[str | Fault] = ("ERROR_ACCESS_DENIED", "ERROR_SHARING_VIOLATION"),
        operations: str | Sequence[str] = "mutate",
        distinct: Distinct = "call stack",
        persist: bool | Sequence[bool] = (False, True),
        depth: int = 1,
        limit: int | None = None,
        shard: str | None = None,
        expect: type[BaseException] | tuple[type[BaseException], ...] = (),
        only: str | None = None,
    ) -> Sweep:
        """Return trials to loop over: first one without a fault, then one for each fault at each distinct call.

        Args:
            prepare: builds a tree in the empty directory that it is given, the same one each time. What else
                it changes is its own affair: where a copy is made much faster, it is not called again.
            faults: texts as in a rule; each is tried at those operations that can meet it.
            operations: the operations or groups to inject at, as in a rule.
            distinct: ``"call stack"`` tries the first, a middle and the last call of each stack of lines of the
                project, ``"call site"`` of each innermost line, ``"position"`` every single call.
            persist: whether a fault happens once, or to each later call of that operation on that path too.
            depth: how many faults may follow each other in one trial.
            limit: the most trials with a fault.
            shard: the share to run, such as ``"1/4"``.
            expect: exceptions that the code under test may raise when a fault has happened.
            only: the ID of the one trial to run, after the first.

        Raises:
            FsFaultError: for what cannot be, at once; for a `prepare` that fails, in the loop.
            AssertionError: at the end of the loop, for all trials that have failed.

        """
        self._must_go_on()
        return self._prove().sweep(
            prepare, only, faults=faults, operations=operations, distinct=distinct, persist=persist,
            depth=depth, limit=limit, shard=shard, expect=expect,
        )  # fmt: skip

    def tolerance(
        self,
        body: Callable[[Path], object],
        *,
        prepare: Callable[[Path], object],
        hold: str | os.PathLike[str] | Callable[[Path], str | os.PathLike[str]] | None = None,
        on: str | None = None,
        rule: str | Rule | None = None,
        kind: Literal["handle", "image"] = "handle",
        up_to: str = "2m",
    ) -> Tolerance:
        """Return the longest hold that ``body(root)`` survives, in virtual seconds, found by bisection.

        It survives if it raises nothing and leaves the tree that it leaves without a hold. Each run has a fresh
        tree, built by `prepare`, and a Windows of its own; the rules of this session do not act.

        Args:
            body: what is to survive.
            prepare: builds a tree in the empty directory that it is given.
            hold: the path that somebody has open from the start, below the root, or a function of the root.
            on: instead, a glob such as ``"*.dll"``: a file of that name, from when `body` has written it.
            rule: instead, a rule without a schedule, which holds from its first match.
            kind: ``"handle"`` (open, shared for reading and writing) or ``"image"`` (a running program).
            up_to: the longest hold to try.

        Raises:
            FsFaultError: for what cannot be.
            AssertionError: if nobody met the hold.

        """
        self._must_go_on()
        from pytest_fsfault._session import tolerance_runs  # noqa: PLC0415

        wanted = tolerance_runs.held_by(hold, on, rule, kind)
        return tolerance_runs.tolerance(self, self._prove(), body, prepare, wanted, up_to)

    def self_replace(
        self,
        exe: str | os.PathLike[str],
        update: Callable[[Path], object],
        *,
        faults: Iterable[str | Fault] = ("ERROR_ACCESS_DENIED", "ERROR_SHARING_VIOLATION"),
        expect: type[BaseException] | tuple[type[BaseException], ...] = (),
    ) -> None:
        """Assert that ``update(exe)`` replaces a program while it runs, and never leaves none in place.

        It works on a copy of the directory in which `exe` is. A script is held by nobody while it runs, a program
        as an image; if `exe` is a directory, so are all programs and libraries in it.

        Raises:
            FsFaultError: for what cannot be.
            AssertionError: if the update fails without a fault, or if neither the old nor the new program is
                in place after a fault at some step.

        """
        self._must_go_on()
        from pytest_fsfault._session import self_replace  # noqa: PLC0415

        self_replace.self_replace(self, self._prove(), exe, update, faults, expect)

    def _prove(self) -> Proofs:
        if self._proofs is None:
            from pytest_fsfault._session.proofs import Proofs  # noqa: PLC0415  # who proves nothing pays nothing for it

            self._proofs = Proofs(self)
        return self._proofs

    def _must_go_on(self) -> None:
        if self._over:
            raise FsFaultError(
                "this session of faults is over, so nothing would happen; use it within its test or block"
            )

    # What the plugin and `inject` call.

    def start(self) -> None:
        """Put everything in place; faults act once the gate is open."""
        self._verification.prepare()
        try:
            interceptor().start(self._engine)
        except BaseException:
            self._verification.leave()
            raise
        self._verification.start()

    def stop(self) -> None:
        """Take everything away that `start` put in place."""
        if not self._over:
            if self._proofs is not None:
                self._proofs.close()
            self.close()
            self._verification.stop()
            self._over = True
            interceptor().stop(self._engine)
            self._verification.leave()
            if self._windows is not None:
                self._windows.close()

    def open(self) -> None:
        """Open the gate: the code under test runs."""
        self._gate = True
        self._set_gate()

    def close(self) -> None:
        """Shut the gate: what runs now is not the code under test."""
        self._gate = False
        self._set_gate()

    def _set_gate(self) -> None:
        self._verification.set_gate(faults=self._gate and not self._paused, time=self._gate)

    def evidence(self) -> dict[str, Any]:
        """Return what the test showed, as data."""
        started, unreached = self._verification.children()
        return evidence(
            self.journal, own=self._own, ambient=self._ambient, retries=self.retries(), waits=self._clock.slept,
            roots=self._shown_roots(), sweeps=[] if self._proofs is None else self._proofs.evidence(),
            children={"started": started, "unreached": list(unreached)},
        )  # fmt: skip

    def lines(self, *, everything: bool) -> Iterator[str]:
        """Yield the journal around the faults, or all of it."""
        return journal_lines(self.journal, self._shown_roots(), everything=everything)

    def _shown_roots(self) -> list[str]:
        """Return the roots from which paths are told; on a whole file system they are told in full."""
        return [root for root in self.roots if root not in WHOLE]

    def verify(self) -> None:
        """Raise AssertionError for what a green test must not hide; see promise 3 of the README."""
        self._verification.verify(self._own, self._proofs, self._windows)


def _profile(options: Options, ambient: Ambient) -> Profile:
    name = options.profile if options.profile is not None else ambient.profile
    return lookup(name, ambient.profiles or built_in())


def _first(*values: Any) -> Any:
    for value in values:
        if value is not None:
            return value
    return None
