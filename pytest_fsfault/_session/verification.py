"""What a green test must not hide: rules that never fired, what no fault has reached, what was left open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_fsfault._core.engine.near_misses import Unmet, never_fired
from pytest_fsfault._intercept.children.parent.started import NATIVE
from pytest_fsfault._intercept.interceptor import interceptor
from pytest_fsfault._session import open_handles

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_fsfault._core.engine.engine import Engine
    from pytest_fsfault._core.engine.plan import Armed
    from pytest_fsfault._session.options import Strict
    from pytest_fsfault._session.proofs import Proofs
    from pytest_fsfault._session.untracked_changes import ChangeRecorder
    from pytest_fsfault._windows.windows import Windows

# pytest leaves the frames of this module out of tracebacks: they are not the user's.
__tracebackhide__ = True


class Verification:
    """What is watched from the start of one session to its end, as strictly as was asked for."""

    def __init__(self, engine: Engine, strict: Strict) -> None:
        self._engine = engine
        self._strict: Strict = strict
        self._handles: frozenset[tuple[int, str]] = frozenset()
        self._noticing: ChangeRecorder | None = None
        self._over = False
        self._started = 0  # how many processes had been started before
        self._children: tuple[int, tuple[str, ...]] = (0, ())

    def prepare(self) -> None:
        """Stand around the session, which is yet to be started."""
        if self._strict == "all":
            from pytest_fsfault._session.untracked_changes import ChangeRecorder  # noqa: PLC0415  # for who wants to know

            self._noticing = ChangeRecorder(self._engine)
            self._noticing.start()
            self._handles = open_handles.below(self._engine.roots)

    def start(self) -> None:
        """Take in that the session has been started."""
        self._started = interceptor().starts()

    def stop(self) -> None:
        """Take in that the session is about to be stopped."""
        self.children()
        self._over = True

    def leave(self) -> None:
        """Go, after the session."""
        if self._noticing is not None:
            self._noticing.stop()

    def set_gate(self, *, faults: bool, time: bool) -> None:
        """Open or shut the gate of the session, and look at the tree outside of it."""
        noticing = self._noticing
        if noticing is not None and faults:
            noticing.begin()
        interceptor().set_gate(self._engine, faults=faults, time=time)
        if noticing is not None and not faults:
            noticing.end()

    def children(self) -> tuple[int, tuple[str, ...]]:
        """Return how many processes were started, and a sentence for each that no fault has reached."""
        if not self._over and self._engine.children:
            unreached = tuple(interceptor().unreached(self._started))
            self._children = interceptor().starts() - self._started, unreached
        return self._children

    def verify(self, own: list[Armed], proofs: Proofs | None, windows: Windows | None) -> None:
        """Raise `Unmet` for what was found; `own` are the rules that must have fired."""
        interceptor().state.drain_counts()
        found = list(self._findings({id(armed) for armed in own}, proofs, windows))
        if found:
            raise Unmet("\n".join(found))

    def verify_one(self, armed: Armed, error: BaseException | None) -> None:
        """Raise `Unmet` if one rule has not fired that had to by now; not on top of an `error`."""
        interceptor().refresh()
        if error is None and self._strict is not False and not (armed.fired or armed.rule.optional):
            interceptor().state.drain_counts()
            raise Unmet(never_fired(armed, self._engine))

    def _findings(self, own: set[int], proofs: Proofs | None, windows: Windows | None) -> Iterator[str]:
        ended = self._engine.ended
        if ended is not None:
            yield f"{type(ended).__name__}: {ended}"
        if self._strict is False:
            return
        if proofs is not None:
            yield from proofs.findings()
        missed = [armed for armed in self._engine.plan.never_fired() if id(armed) in own]
        yield from (never_fired(armed, self._engine) for armed in missed)
        _, unreached = self.children() if missed or self._strict == "all" else (0, ())
        # What a native program changes is noticed below.
        yield from (told for told in unreached if missed or NATIVE not in told)
        if windows is not None:
            yield from windows.findings()
        if self._strict == "all":
            yield from self._engine.escapes
            if self._noticing is not None and proofs is None:
                yield from self._noticing.findings()
            for _, path in sorted(open_handles.below(self._engine.roots) - self._handles):
                yield f"{path} was left open"
