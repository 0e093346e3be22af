"""Wire `tolerance`: run the code under test with holds of several lengths, in a Windows of its own."""

from __future__ import annotations

import os
import sys
from functools import partial
from typing import TYPE_CHECKING

from pytest_fsfault._core.clock import RealClock
from pytest_fsfault._core.engine.plan import Armed
from pytest_fsfault._core.language.mistakes import FsFaultError, nearest
from pytest_fsfault._core.language.rows import Row
from pytest_fsfault._core.language.rules import Rule
from pytest_fsfault._core.language.schedules import Schedule
from pytest_fsfault._core.language.tokens import duration, duration_text
from pytest_fsfault._prove import error_chains
from pytest_fsfault._prove.tolerance import Run, bisect, trials
from pytest_fsfault._session.handed_over import on_behalf
from pytest_fsfault._session.proofs import must_be_callable
from pytest_fsfault._session.trial_environment import ModelEnvironment

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import FrameType

    from pytest_fsfault._prove.tolerance import Tolerance
    from pytest_fsfault._prove.tree import Tree
    from pytest_fsfault._prove.workspace import Workspace
    from pytest_fsfault._session.proofs import Proofs
    from pytest_fsfault._session.session import Session
    from pytest_fsfault._windows.holders.holds import Hold
    from pytest_fsfault._windows.windows import Windows

    Place = str | os.PathLike[str]
    Body = Callable[[Path], object]

# pytest leaves the frames of this module out of tracebacks: they are not the user's.
__tracebackhide__ = True

_KINDS = ("handle", "image")


class HeldBy(Row):
    """What is held, one of the three: a path, files of a kind that is written, or a rule; and how."""

    hold: Place | Callable[[Path], Place] | None
    on: str | None
    rule: Rule | None
    kind: str

    @property
    def text(self) -> str:
        """What is held, as the user wrote it."""
        if self.rule is not None:
            return str(self.rule)
        return f"on={self.on!r}" if self.on is not None else f"hold={self.hold!r}"


def held_by(hold: object, on: object, rule: object, kind: object) -> HeldBy:
    """Return what `tolerance` was given, checked."""
    given = [name for name, value in (("hold", hold), ("on", on), ("rule", rule)) if value is not None]
    if len(given) != 1:
        what = " and ".join(f"{name}=" for name in given) or "none of them"
        raise FsFaultError(f"tolerance takes one of hold=, on= and rule=, and got {what}; write one")
    if kind not in _KINDS:
        hint = nearest(kind, _KINDS) if isinstance(kind, str) else ""
        raise FsFaultError(f"kind={kind!r} is not known; write 'handle' or 'image'{hint}")
    if hold is not None:
        _must_be_path(hold)
    return HeldBy(hold, on, None if rule is None else _rule(rule), str(kind))  # type: ignore[arg-type]  # checked


def _must_be_path(hold: object) -> None:
    if not callable(hold) and not isinstance(hold, (str, os.PathLike)):
        raise FsFaultError(
            f"hold={hold!r} is not a path; write one below the root, or a function of the root"
        )


def _rule(rule: object) -> Rule:
    found = rule if isinstance(rule, Rule) else Rule.parse(rule)  # type: ignore[arg-type]  # which checks it
    if found.when != Schedule():
        raise FsFaultError(
            f"rule={str(found)!r} has a schedule, which tolerance has to find; leave out 'when {found.when}'"
        )
    return found


def tolerance(
    session: Session, proofs: Proofs, body: Body, prepare: Body, wanted: HeldBy, up_to: str
) -> Tolerance:
    """Return the longest hold that `body` survives."""
    must_be_callable("body", body, "works on the directory that it is given")
    must_be_callable("prepare", prepare, "builds a tree in the directory that it is given")
    if isinstance(session.clock, RealClock):
        raise FsFaultError("tolerance needs the virtual clock; leave out clock='real'")
    longest = duration(up_to)
    proofs.must_stand_alone()
    probe = Probe(session, proofs, on_behalf(body), prepare, wanted, longest)
    with probe:
        probe.run_freely()
        found = bisect(probe.run, longest)
        if not probe.met:
            raise AssertionError(
                f"no call ran into the hold ({wanted.text}): the body does nothing that it could refuse"
            )
    proofs.tolerances.append(
        {
            "survives": found.survives, "fails_at": found.fails_at, "attempts": found.attempts,
            "waits": list(found.waits), "kind": "rule" if wanted.rule is not None else wanted.kind,
            "reason": found.reason,
        }
    )  # fmt: skip
    return found


class Probe:
    """Run the body, each time in a fresh tree, with a hold of some length."""

    def __init__(
        self, session: Session, proofs: Proofs, body: Body, prepare: Body, wanted: HeldBy, longest: float
    ) -> None:
        self._session = session
        self._body = body
        self._wanted = wanted
        self._environment = ModelEnvironment(session, self._declare)
        self._make_workspace = partial(proofs.workspace, prepare, self._environment)
        self._seconds: float | None = None
        self._held: Hold | None = None
        self._after: Tree | None = None
        self.met = False
        self._planned, self._runs, self._failures = trials(longest), 0, 0

    def __enter__(self) -> None:
        self._environment.begin()
        self._workspace: Workspace = self._make_workspace()
        self._environment.watch(self._workspace)

    def __exit__(self, *_: object) -> None:
        self._workspace.close()
        self._environment.end()

    def run_freely(self) -> None:
        """Run without a hold, twice: it has to succeed, and tells what tree success leaves."""
        trees = []
        for _ in range(2):
            error = self._once(sys._getframe())
            if error is not None:
                error.add_note("fsfault: there was no hold: the body fails even without a fault")
                raise error
            trees.append(self._workspace.snapshots.take(str(self._workspace.root)))
            self._clear()
        # With names of chance in it, a tree tells nothing: then only an error is a failure.
        self._after = trees[0] if trees[0] == trees[1] else None

    def run(self, seconds: float) -> Run:
        """Run with a hold of this length."""
        self._seconds = seconds
        self._runs += 1
        self._environment.progress(
            f"tolerance: trial {self._runs} of {self._planned} at most, {self._failures} failed so far"
        )
        error = self._once(sys._getframe())
        tree = self._workspace.snapshots.take(str(self._workspace.root))
        retry = max(self._environment.retries(), key=lambda one: one.attempts, default=None)
        met = self._has_met()
        self.met |= met
        if error is not None:
            error_chains.release(error)
        self._clear()
        reason = self._reason(error, tree)
        self._failures += bool(reason)
        return Run(not reason, met, error, retry, reason)

    def _reason(self, error: BaseException | None, tree: Tree) -> str:
        """Return why the body did not survive; nothing if it did."""
        if error is not None:
            root = f"{self._workspace.root}{os.sep}"
            # An OSError shows its paths by repr, which doubles the backslashes of Windows.
            return error_chains.text(error).replace(root.replace("\\", "\\\\"), "").replace(root, "")
        difference = "" if self._after is None else self._after.diff(tree)
        return f"no error, but another tree than without a hold:\n{difference}" if difference else ""

    def _once(self, frame: FrameType) -> BaseException | None:
        """Return the error that the body ended with."""
        self._workspace.set()
        self._armed = self._arm()
        self._environment.enter(0, self._armed, frame)
        caught: BaseException | None = None
        try:
            self._body(self._workspace.root)
        except BaseException as error:
            if error_chains.ends_the_run(error):
                raise
            caught = error
        finally:
            seen = self._environment.leave()
        return caught or seen.ended

    def _clear(self) -> None:
        self._environment.settle()
        self._workspace.clear()

    def _has_met(self) -> bool:
        held = any(armed.fired for armed in self._armed)
        return held or (self._held is not None and self._held.met)

    def _arm(self) -> list[Armed]:
        rule, seconds = self._wanted.rule, self._seconds
        if rule is None or not seconds:
            return []
        lasting = Rule(
            rule.operations,
            path=rule.path,
            to=rule.to,
            fault=rule.fault,
            when=f"for {duration_text(seconds)}",
        )
        return [Armed(lasting, self._session.seed)]

    def _declare(self, windows: Windows) -> None:
        self._held = None
        if self._seconds and self._wanted.rule is None:
            hold = windows.hold if self._wanted.kind == "handle" else windows.run
            self._held = hold(self._place(), on=self._wanted.on, seconds=self._seconds)

    def _place(self) -> Place | None:
        hold = self._wanted.hold
        if hold is None:
            return None
        root = self._workspace.root
        return root / (hold(root) if callable(hold) else hold)
