"""Wire the proofs to a session: where their trees stand, and what acts while a trial runs."""

from __future__ import annotations

import os
import sys
import tempfile
import threading
from functools import partial
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from pytest_fsfault._core.endings import RetryStorm
from pytest_fsfault._core.engine import Engine
from pytest_fsfault._core.mistakes import FsFaultError
from pytest_fsfault._intercept import children, handles
from pytest_fsfault._intercept.originals import NATIVE
from pytest_fsfault._intercept.switch import switch
from pytest_fsfault._options import forms
from pytest_fsfault._prove.request import request, trial_numbers
from pytest_fsfault._prove.snapshots import Snapshots
from pytest_fsfault._prove.stage import Stage, fresh
from pytest_fsfault._prove.sweep import Sweep
from pytest_fsfault._prove.trial import Seen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import FrameType
    from typing import Any

    from pytest_fsfault._core.plan import Armed
    from pytest_fsfault._prove.aims import Stack
    from pytest_fsfault._prove.tree import Tree
    from pytest_fsfault._session import FsFault

# pytest leaves the frames of this module out of tracebacks: they are not the user's.
__tracebackhide__ = True

_NAME = "fsfault-sweep"
# Real seconds that the threads of a crashed trial get to notice.
_LAST_BREATH = 0.2


class Proofs:
    """The sweeps of one session."""

    def __init__(self, session: FsFault) -> None:
        self._session = session
        self.sweeps: list[Sweep] = []
        self._snapshots = Snapshots(NATIVE)

    def sweep(self, prepare: Callable[[Path], object], only: str | None, **wanted: Any) -> Sweep:
        """Return the sweep that was asked for."""
        if not callable(prepare):
            raise FsFaultError(
                f"prepare={prepare!r} cannot be called; write a function that builds a tree in the directory "
                "that it is given"
            )
        asked = request(**wanted)
        self._must_stand_alone()
        number = len(self.sweeps) + 1
        chosen = _chosen(only or self._session._surroundings.trial, number)
        field = Field(self._session)
        made = Sweep(asked, self._stage(prepare, field), field, chosen, partial(self._again, number))
        self.sweeps.append(made)
        return made

    def tree(self, root: str | os.PathLike[str]) -> Tree:
        """Return what is at `root` now."""
        try:
            place = os.path.abspath(os.fsdecode(os.fspath(root)))
        except TypeError:
            raise FsFaultError(f"tree({root!r}) cannot be: it is no path; name a directory") from None
        with switch().busy():
            return self._snapshots.take(place)

    def evidence(self) -> list[dict[str, Any]]:
        """Return what the sweeps have done, as data."""
        return [sweep.evidence for sweep in self.sweeps]

    def _must_stand_alone(self) -> None:
        if any(sweep.running for sweep in self.sweeps):
            raise FsFaultError("a sweep is running: let its loop end before the next one begins")

    def _stage(self, prepare: Callable[[Path], object], field: Field) -> Stage:
        parent = self._session._surroundings.place()
        home = tempfile.mkdtemp(prefix="fsfault-") if parent is None else fresh(NATIVE, parent, _NAME)
        root = Path(home, "root")
        field.roots = tuple(dict.fromkeys(forms(root)))
        self._session.add_root(root)
        return Stage(home, root, prepare, NATIVE, field.lingers)

    def _again(self, number: int, trial: str) -> str:
        return self._session._surroundings.again(trial if number == 1 else f"{number}-{trial}")

    def findings(self) -> Iterator[str]:
        """Yield what a green test must not hide: sweeps that were not run to their end."""
        yield from (text for sweep in self.sweeps if (text := sweep.finding()))

    def close(self) -> None:
        """End the sweeps that were left."""
        for sweep in self.sweeps:
            sweep.close()


def _chosen(text: str | None, sweep_number: int) -> tuple[int, ...]:
    """Return the numbers of the one trial that is to run; none for all of them.

    The trials of a session's first sweep have bare numbers, those of its second begin with ``2-``.
    """
    if text is None:
        return ()
    which, dash, numbers = text.rpartition("-") if isinstance(text, str) else ("", "", text)
    mine = str(sweep_number) == (which if dash else "1")
    found = trial_numbers(numbers)
    return found if mine else (0,)


class Field:
    """Let the faults of one trial at a time act, within a session that stands aside in between."""

    def __init__(self, session: FsFault) -> None:
        self._session = session
        self.roots: tuple[str, ...] = ()
        self._engine: Engine | None = None
        self._frame: FrameType | None = None
        self._waited = 0
        self._children: frozenset[int] = frozenset()
        self._threads: set[threading.Thread] = set()
        self._left: Any = None
        self._mark: Any = None

    def begin(self) -> None:
        """Shut everything out until a trial runs."""
        self._aside(1)
        windows = self._session._windows
        self._mark = None if windows is None else windows.mark()
        self._left = self._remains()

    def end(self) -> None:
        """Let the session go on as before."""
        self._renew_model()
        self._drop()
        self._aside(-1)

    def _aside(self, step: int) -> None:
        self._session._paused += step
        self._session._set_gate()

    def renew(self) -> None:
        """Undo what belonged to the tree of the last trial."""
        self._session._engine.forgive()
        self._renew_model()

    def _renew_model(self) -> None:
        windows = self._session._windows
        if windows is not None:
            windows.rewind(self._mark)

    def lingers(self) -> bool:
        """Return whether `prepare` has left behind what no copy of its tree would have."""
        return bool(self._remains() != self._left)

    def _remains(self) -> Any:
        windows = self._session._windows
        holds = [] if windows is None else windows.holds
        return holds, handles.below(self.roots), children.living(), threading.active_count()

    def enter(self, token: int, armed: Iterable[Armed], frame: FrameType) -> None:
        """Let the faults act on what `frame` calls."""
        engine = self._engine or self._make()
        engine.begin(token, armed)
        self._frame = frame
        self._waited = len(self._session.clock.waits)
        self._children = children.living()
        self._threads = set(threading.enumerate())
        self._aside(-1)
        switch().set_gate(engine, faults=True, time=True)

    def _make(self) -> Engine:
        engine = self._engine = Engine(self._session.clock, self.roots)
        engine.sorts = True
        switch().start(engine)
        engine.on_end = self._ended
        return engine

    def _drop(self) -> None:
        engine, self._engine = self._engine, None
        if engine is not None:
            switch().stop(engine)

    def _ended(self) -> None:
        """Let nothing go on after a crash: neither our calls nor the processes that were started."""
        switch().refresh()
        children.kill(children.living() - self._children)

    def leave(self) -> Seen:
        """Let nothing act any more; return what happened."""
        engine = self._engine
        assert engine is not None  # noqa: S101  # made when the block was entered
        ended = engine.ended
        if ended is not None:
            self._outlast_threads()
        switch().set_gate(engine, faults=False, time=False)
        self._aside(1)
        self._frame = None
        seen = Seen(
            tuple(engine.journal.faults), tuple(self._session.clock.waits[self._waited :]), ended or self._storm()
        )
        if ended is not None:
            self._drop()  # what it has open is lost for good: the next trial has an engine of its own
        return seen

    def _outlast_threads(self) -> None:
        """Wait a moment for the threads of the trial: each call and each wait of theirs ends them."""
        until = monotonic() + _LAST_BREATH
        for thread in threading.enumerate():
            if thread not in self._threads:
                thread.join(max(0.0, until - monotonic()))

    def _storm(self) -> BaseException | None:
        """Return a storm that the session's own rules or model have seen; it ends this trial alone."""
        outer = self._session._engine
        if isinstance(outer.ended, RetryStorm):
            storm, outer.ended = outer.ended, None
            return storm
        return None

    def stack(self) -> Stack:
        """Return the lines of the project that are at work, above the frame of the trial."""
        return switch().callers.stack(sys._getframe(1), self._frame)

    def strays(self, names: frozenset[str]) -> str:
        """Say which of the operations in `names` were seen elsewhere, if none was seen in the tree."""
        switch().board.bank()
        engine = self._session._engine
        for name in sorted(names & engine.tallies.keys()):
            if engine.tallies[name].paths:
                return f"; it called {name} on {engine.tallies[name].paths[-1]}"
        name = next((name for name in sorted(names) if name in engine.outside), "")
        return f"; it called {name} on {engine.outside[name]}" if name else ""
