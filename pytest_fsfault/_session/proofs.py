"""Wire the proofs to a session: where their trees stand, and what acts while a trial runs."""

from __future__ import annotations

import os
import tempfile
from functools import partial
from inspect import iscoroutinefunction, isgeneratorfunction
from typing import TYPE_CHECKING

from pytest_fsfault._core.language.mistakes import FsFaultError
from pytest_fsfault._host.originals import NATIVE
from pytest_fsfault._intercept.fake.fake_functions import native
from pytest_fsfault._intercept.interceptor import interceptor
from pytest_fsfault._prove.failure_report import described
from pytest_fsfault._prove.snapshots import Snapshots
from pytest_fsfault._prove.sweep import Sweep
from pytest_fsfault._prove.sweep_options import sweep_options, trial_numbers
from pytest_fsfault._prove.workspace import Workspace, fresh
from pytest_fsfault._session.trial_environment import TrialEnvironment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import Any

    from pytest_fsfault._core.engine.journal import Entry
    from pytest_fsfault._prove.tree import Tree
    from pytest_fsfault._session.session import Session

# pytest leaves the frames of this module out of tracebacks: they are not the user's.
__tracebackhide__ = True

_NAME = "fsfault-sweep"


class Proofs:
    """The sweeps of one session."""

    def __init__(self, session: Session) -> None:
        self._session = session
        session.proofs = self
        self.sweeps: list[Sweep] = []
        self.tolerances: list[dict[str, Any]] = []
        self._known: dict[Any, Snapshots] = {}

    def sweep(self, prepare: Callable[[Path], object], only: str | None, **wanted: Any) -> Sweep:
        """Return the sweep that was asked for."""
        must_be_callable("prepare", prepare, "builds a tree in the directory that it is given")
        return self.sweep_in(TrialEnvironment(self._session), prepare, only, **wanted)

    def sweep_in(
        self,
        environment: TrialEnvironment,
        prepare: Callable[[Path], object],
        only: str | None = None,
        **wanted: Any,
    ) -> Sweep:
        """Return a sweep whose trials run in this environment."""
        asked = sweep_options(**wanted)
        self.must_stand_alone()
        number = len(self.sweeps) + 1
        asked_for = self._session.ambient.trial
        chosen = _chosen(asked_for, number, "1") if only is None else _chosen(only, number, str(number))
        made = Sweep(
            asked,
            partial(self.workspace, prepare, environment),
            environment,
            chosen,
            partial(self._rerun, number),
        )
        self.sweeps.append(made)
        return made

    def tree(self, root: str | os.PathLike[str]) -> Tree:
        """Return what is at `root` now."""
        try:
            path = os.fsdecode(os.fspath(root))
        except TypeError:
            raise FsFaultError(f"tree({root!r}) takes a path; write a directory") from None
        with interceptor().own_work():
            there = native()
            return self._snapshots(there).take(str(there.absolute(path)))

    def _snapshots(self, there: Any) -> Snapshots:
        if there not in self._known:
            self._known[there] = snapshots(there)
        return self._known[there]

    def evidence(self) -> dict[str, list[dict[str, Any]]]:
        """Return what the sweeps and tolerances have found, as data."""
        return {"sweeps": [sweep.evidence for sweep in self.sweeps], "tolerances": self.tolerances}

    def must_stand_alone(self) -> None:
        if any(sweep.running for sweep in self.sweeps):
            raise FsFaultError("a sweep is running: let its loop end before the next one begins")

    def workspace(self, prepare: Callable[[Path], object], environment: TrialEnvironment) -> Workspace:
        """Return a workspace in a directory of its own."""
        there = native()
        # A fake has no directory of the test's own.
        parent = self._session.ambient.directory() if there is NATIVE else str(there.gettempdir())
        home = tempfile.mkdtemp(prefix="fsfault-") if parent is None else fresh(there, parent, _NAME)
        root: Any = there.path(home, "trial", "root")
        return Workspace(
            home, root, prepare, there, environment.lingers, interceptor().all_shut, snapshots(there)
        )

    def _rerun(self, number: int, trial: str) -> str:
        return self._session.ambient.rerun(trial if number == 1 else f"{number}-{trial}")

    def explain(self) -> str:
        """Return which trial a test was at; nothing if at none."""
        for sweep in self.sweeps:
            at = sweep.current()
            if at is not None:
                result, line = at
                rerun = f"; run only this trial: {line}" if line else ""
                return f"this was trial {result.id}: {described(result)}{rerun}"
        return ""

    def failures(self) -> Iterator[tuple[str, tuple[Entry, ...]]]:
        """Yield the first failed trial of each sweep, in words, and its journal."""
        for sweep in self.sweeps:
            failure = sweep.first_failure()
            if failure is not None:
                result, entries = failure
                yield f"trial {result.id}: {described(result)}", entries

    def findings(self) -> Iterator[str]:
        """Yield what a green test must not hide: sweeps that were not run to their end."""
        yield from (text for sweep in self.sweeps if (text := sweep.finding()))
        wanted = self._session.ambient.trial
        if wanted is not None and self.sweeps and not self._is_ours(wanted):
            count = len(self.sweeps)
            yield f"there is no trial {wanted}: this test has {count} sweep{'s' * (count != 1)}"

    def _is_ours(self, wanted: str) -> bool:
        number = wanted.rpartition("-")[0] or "1"
        return 1 <= int(number) <= len(self.sweeps)

    def close(self) -> None:
        """End the sweeps that were left."""
        for sweep in self.sweeps:
            sweep.close()


def snapshots(there: Any) -> Snapshots:
    """Return what takes snapshots with these functions; the times of fake files tell nothing."""
    return Snapshots(there) if there is NATIVE else Snapshots(there, None)


def _chosen(text: str | None, sweep_number: int, bare: str) -> tuple[int, ...]:
    """Return the numbers of the one trial that is to run; none for all of them.

    The trials of a session's second sweep begin with ``2-``; without it the sweep with the number `bare` is meant.
    Of another sweep only the first trial runs.
    """
    if text is None:
        return ()
    which, dash, numbers = text.rpartition("-") if isinstance(text, str) else ("", "", text)
    found = trial_numbers(numbers)
    return found if str(sweep_number) == (which if dash else bare) else (0,)


def must_be_callable(name: str, value: object, what: str) -> None:
    """Raise FsFaultError for what is not a function, or one whose body a call does not run."""
    if not callable(value):
        raise FsFaultError(f"{name}={value!r} is not a function; write one that {what}")
    for kind, is_kind in (("a generator function", isgeneratorfunction), ("async", iscoroutinefunction)):
        if is_kind(value):
            raise FsFaultError(
                f"{name}={getattr(value, '__name__', value)} is {kind}, so that a call does not run its body; "
                f"write a plain function that {what}"
            )
