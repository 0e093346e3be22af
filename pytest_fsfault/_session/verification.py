"""What a green test must not hide: rules that never fired, what no fault has reached, what was left open."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import ref

from pytest_fsfault._core.clock import VirtualClock
from pytest_fsfault._core.language.legible import legible
from pytest_fsfault._intercept.calls.gates import Gate
from pytest_fsfault._intercept.calls.installation import replaced, replaced_sleep
from pytest_fsfault._intercept.calls.state import Observed
from pytest_fsfault._intercept.children.parent.started import NATIVE
from pytest_fsfault._intercept.interceptor import interceptor

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from pytest_fsfault._core.engine.engine import Engine
    from pytest_fsfault._core.engine.guard import Guard
    from pytest_fsfault._core.engine.near_misses import Elsewhere
    from pytest_fsfault._core.engine.plan import Armed
    from pytest_fsfault._core.engine.replay import Replay
    from pytest_fsfault._intercept.children.parent.started import ProcessRow
    from pytest_fsfault._session.keywords import Strict
    from pytest_fsfault._session.untracked_changes import ChangeRecorder

# pytest leaves the frames of this module out of tracebacks: they are not the user's.
__tracebackhide__ = True


class Verification:
    """What is watched from the start of one session to its end, as strictly as was asked for."""

    def __init__(self, engine: Engine, strict: Strict) -> None:
        self._engine = engine
        self._strict: Strict = strict
        self._handles: frozenset[tuple[int, str]] = frozenset()
        self._recorder: ChangeRecorder | None = None
        self._over = False
        self.replay: Replay | None = None  # what decides in the place of rules and model
        self.guard: Guard | None = None  # what refuses changes outside the roots
        self.demands_native = False  # whether the test fails where no fault reaches native programs
        self._observed = Observed({}, {}, {}, {})
        self.was_paused = False  # by its user, for some of the time
        self._started = 0  # how many processes had been started before
        self._children: tuple[int, tuple[str, ...]] = (0, ())
        self._processes: tuple[ProcessRow, ...] = ()
        self.on_exit = _on_exit(ref(self))

    def prepare(self) -> None:
        """Begin to record, before the session is started."""
        if self._strict == "all":
            from pytest_fsfault._session.untracked_changes import ChangeRecorder  # noqa: PLC0415  # for who wants to know

            self._recorder = ChangeRecorder(self._engine)
            self._recorder.start()
            self._handles = _open_handles(self._engine)

    @property
    def records(self) -> bool:
        """Whether changes are recorded while the gate is open."""
        return self._recorder is not None

    def start(self) -> None:
        """Record that the session has been started."""
        self._started = interceptor().starts()
        self._observed = interceptor().state.observed[self._engine]

    def elsewhere(self, operations: Collection[str]) -> Elsewhere:
        """Return where calls of some operations went that no rule could meet."""
        from pytest_fsfault._core.engine.near_misses import Elsewhere  # noqa: PLC0415  # it comes with a rule

        seen = self._observed
        return Elsewhere(
            replaced(operations, seen.mocks), seen.exempt, seen.early, seen.paused, was_paused=self.was_paused
        )

    def why_not(self, armed: Armed) -> str:
        """Return why a rule never fired."""
        from pytest_fsfault._core.engine.near_misses import never_fired  # noqa: PLC0415  # it comes with a rule

        return never_fired(armed, self._engine, self.elsewhere)

    def closest(self, armed: Armed) -> tuple[str, str, str | None] | None:
        """Return operation, path and target of the call that came nearest to such a rule."""
        from pytest_fsfault._core.engine.near_misses import closest_call  # noqa: PLC0415  # as above

        return closest_call(armed, self._engine)

    def stop(self) -> None:
        """Record that the session is about to be stopped."""
        self.children()
        self._over = True

    def leave(self) -> None:
        """Stop the change recorder, after the session."""
        if self._recorder is not None:
            self._recorder.stop()

    def set_gate(self, *others: Gate, faults: bool, time: bool) -> None:
        """Open or shut the gate of the session, and others with it; while it is open changes are recorded."""
        gates = [*others, Gate(self._engine, faults, time)]
        recorder = self._recorder
        if recorder is not None:
            if faults:
                recorder.begin()
            gates.append(Gate(recorder.engine, faults, faults))
        interceptor().set_gates(gates)
        if recorder is not None and not faults:
            recorder.end()

    def children(self) -> tuple[int, tuple[str, ...]]:
        """Return how many processes were started, and a sentence for each that no fault has reached."""
        if not self._over and self._engine.children:
            started = interceptor().starts() - self._started
            unreached = tuple(interceptor().unreached(self._started))
            if started or unreached:
                self._children = started, unreached
                self._processes = tuple(interceptor().processes(self._started))
        return self._children

    def processes(self) -> tuple[ProcessRow, ...]:
        """Return what is known of each process that was started."""
        self.children()
        return self._processes

    def verify(
        self, own: Collection[Armed], *, proofs: Iterable[str] | None, windows: Iterable[str] = ()
    ) -> None:
        """Raise `Unmet` for what was found.

        Args:
            own: the rules that must have fired.
            proofs: sentences about sweeps that were not run to their end; None if nothing was proved.
            windows: sentences about holds and scanners that met nothing.

        """
        interceptor().state.drain_counts()
        found = list(self._findings({id(armed) for armed in own}, proofs, windows))
        if found:
            from pytest_fsfault._core.engine.near_misses import Unmet  # noqa: PLC0415  # for a test that fails

            raise Unmet("\n".join(map(legible, found)))

    def verify_one(self, armed: Armed, error: BaseException | None) -> None:
        """Raise `Unmet` if one rule has not fired that had to by now; not on top of an `error`."""
        interceptor().refresh()
        if (
            error is None
            and self._strict is not False
            and self.replay is None
            and not (armed.fired or armed.rule.optional)
        ):
            from pytest_fsfault._core.engine.near_misses import Unmet  # noqa: PLC0415  # as above

            interceptor().state.drain_counts()
            raise Unmet(self.why_not(armed))

    def near_misses(self, own: Collection[Armed]) -> Iterator[str]:
        """Yield what a test that fails may want to know: rules that have not fired, and what a replay lacks.

        Rules that need not fire by ``strict=False`` are among them, those with ``or never`` are not.
        """
        if self.replay is not None:
            yield "\n".join(self.replay.never_came())
        interceptor().state.drain_counts()
        missed = self._missed({id(armed) for armed in own})
        yield from map(self.why_not, missed)

    def standstill(self) -> str:
        """Return why virtual time may have stood still while the code under test waited after a fault; or nothing."""
        virtual = isinstance(self._engine.clock, VirtualClock)
        sleep = replaced_sleep(self._observed.mocks)
        if not (virtual and sleep and self._engine.journal.faults):
            return ""
        return f"{sleep}, not Python's own, so that virtual time stands still where the code sleeps"

    def _missed(self, own: set[int]) -> list[Armed]:
        """Return the test's own rules that never fired."""
        if self.replay is not None:
            return []  # a recorded run decides, and what it has is asked for
        return [armed for armed in self._engine.plan.never_fired() if id(armed) in own]

    def _found_anyway(self) -> Iterator[str]:
        """Yield what fails a test however strict it is."""
        ended = self._engine.ended
        if ended is not None:
            yield f"{type(ended).__name__}: {ended}"
        if self.replay is not None:
            yield from self.replay.never_came()
        if self.demands_native and self._engine.native:
            from pytest_fsfault._intercept.native.possible import why_not  # noqa: PLC0415  # for who asks for it

            if reason := why_not():
                yield f"native=True, but {reason}"

    def _unreached(self, *, missed: bool) -> Iterator[str]:
        """Yield which processes the rules did not reach, if a rule was `missed`, or with ``strict="all"``."""
        if missed or self._strict == "all":
            from pytest_fsfault._intercept.native.possible import RESERVED  # noqa: PLC0415  # it comes with a process

            _, unreached = self.children()
            # What a native program changes is noticed by what it leaves.
            for sentence in unreached:
                if missed or not (NATIVE in sentence or sentence.startswith(RESERVED)):
                    yield sentence

    def _findings(self, own: set[int], proofs: Iterable[str] | None, windows: Iterable[str]) -> Iterator[str]:
        yield from self._found_anyway()
        if self._strict is False:
            return
        if self.guard is not None:
            yield from self.guard.refused
        yield from proofs or ()
        missed = self._missed(own)
        yield from map(self.why_not, missed)
        if missed and (standstill := self.standstill()):
            yield standstill
        yield from self._unreached(missed=bool(missed))
        yield from windows if self.replay is None else ()
        if self._strict == "all":
            yield from self._unnoticed(proved=proofs is not None)

    def _unnoticed(self, *, proved: bool) -> Iterator[str]:
        """Yield what only ``strict="all"`` asks for: escapes, changes without a call, open handles."""
        yield from self._engine.escapes
        if self._recorder is not None and not proved:
            yield from self._recorder.findings()
        for _, path in sorted(_open_handles(self._engine) - self._handles):
            yield f"{path} was left open"


def _open_handles(engine: Engine) -> frozenset[tuple[int, str]]:
    from pytest_fsfault._session import open_handles  # noqa: PLC0415  # for who wants to know

    return open_handles.below(engine.roots)


def _on_exit(verification: ref[Verification]) -> Callable[[Armed, BaseException | None], None]:
    """Return what rules call at the end of their blocks; a session that is gone was verified as a whole."""

    def verify(armed: Armed, error: BaseException | None) -> None:
        found = verification()
        if found is not None:
            found.verify_one(armed, error)

    return verify
