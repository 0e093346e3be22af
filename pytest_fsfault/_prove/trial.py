"""Trial, one run of the code under test with one fault, and what can be checked about it afterwards."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from pytest_fsfault._core.language.globs import has_drive
from pytest_fsfault._core.language.mistakes import FsFaultError
from pytest_fsfault._core.language.tokens import duration_of
from pytest_fsfault._prove import error_chains, oracles
from pytest_fsfault._prove.outcomes import Wrong

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path
    from types import TracebackType

    from pytest_fsfault._core.engine.journal import Entry
    from pytest_fsfault._prove.environment import Trials
    from pytest_fsfault._prove.outcomes import TrialRecord
    from pytest_fsfault._prove.tree import Tree

# pytest leaves the frames of this module out of tracebacks: they are not the user's.
__tracebackhide__ = True


class Trial:
    """One run of a sweep: a fresh tree, one fault armed, and checks of what came of it.

    As a context manager it gives the directory, and lets the fault act in its block; the checks follow.
    """

    __module__ = "pytest_fsfault"

    def __init__(self, sweep: Trials, record: TrialRecord) -> None:
        self._sweep = sweep
        self._record = record
        self._rerun: Tree | None = None

    def __repr__(self) -> str:
        return f"<trial {self.id}: {self.fault or 'no fault'}>"

    # What the user may ask.

    @property
    def id(self) -> str:
        """The ID of this trial, as ``only=`` and ``--fsfault-trial`` take it."""
        return self._record.id

    @property
    def fault(self) -> str | None:
        """The fault as it was given, such as ``"ERROR_ACCESS_DENIED"``; None in the first trial."""
        return self._record.fault

    @property
    def persistent(self) -> bool:
        """Whether later calls like the first meet the fault too, as under a hold that does not end."""
        return any(injection.persists for injection in self._record.injections)

    @property
    def root(self) -> Path:
        """The directory of the tree, the same in every trial."""
        return self._sweep.root

    @property
    def crashed(self) -> bool:
        """Whether a simulated crash has ended the code under test."""
        return self._record.crashed

    @property
    def error(self) -> BaseException | None:
        """The exception that left the block, if the fault explains it; None if none did."""
        return self._record.error

    @property
    def injected(self) -> tuple[Entry, ...]:
        """The journal's entries of the calls that met the fault; empty before, and if none did."""
        return self._record.outcome.injected

    @property
    def before(self) -> Tree:
        """The old tree, as `prepare` builds it."""
        return self._sweep.before

    @property
    def after(self) -> Tree:
        """The new tree, as the first trial has left it."""
        return self._sweep.after

    @property
    def tree(self) -> Tree:
        """The tree as it was when the block of this trial ended."""
        if self._record.tree is None:
            self._must_be_done("tree")
        assert self._record.tree is not None  # noqa: S101  # taken when the block ended
        return self._record.tree

    # The block.

    def __enter__(self) -> Path:
        if self._record.state != "new":
            raise FsFaultError(
                f"trial {self.id} has had its block: write `with trial as root:` once for each trial of the loop"
            )
        self._record.state = "inside"
        self._sweep.enter(self._record.token, sys._getframe(1))
        return self.root

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self._record.outcome = self._sweep.leave(first=not self._record.injections)
        self._record.tree = self._sweep.snapshot()
        self._record.state = "done"
        return self._settle(error)

    def _settle(self, error: BaseException | None) -> bool:
        """Judge how the block ended; return whether the error stays here."""
        if error is not None and error_chains.ends_the_run(error):
            return False
        ended = self._record.outcome.ended
        if ended is not None:
            if error is not None:
                error_chains.release(error)
            self._record.error = ended
            if not self.crashed:
                self._complain("the block", error_chains.text(ended))
            return True
        if error is None:
            return False
        if not self.injected:
            error.add_note(self._early())
            return False
        self._keep(error)
        return True

    def _early(self) -> str:
        if not self._record.injections:
            return "fsfault: this is the first trial of a sweep, in which no fault acts: the body fails even without a fault"
        return f"fsfault: this is trial {self.id}, before its fault ({self.fault}) has happened"

    def _keep(self, error: BaseException) -> None:
        """Keep an error that the fault has caused; whatever else comes up is wrong."""
        expected = isinstance(error, self._sweep.expect)
        related = error_chains.comes_from_fault(error, self._record.token, self._texts()) and not isinstance(
            error, AssertionError
        )
        outcome = any(base.__module__.startswith("_pytest") for base in type(error).__mro__)
        place = error_chains.release(error)
        if expected or (related and not outcome):
            self._record.error = error
            return
        why = "" if isinstance(error, AssertionError) or outcome else ", which does not come from the fault"
        where = f", at {place}" if place else ""
        self._complain("the block", f"it raised {error_chains.text(error)}{where}{why}")

    def _texts(self) -> list[str]:
        """Return the texts of the injected errors."""
        return [str(entry.error) for entry in self.injected if entry.error is not None]

    def _complain(self, check: str, text: str) -> None:
        """Write down that something is wrong."""
        self._record.wrong.append(Wrong(check, text))

    # The checks.

    def check(self, condition: object, message: str) -> None:
        """Check anything: `condition` has to be true, else `message` says what is wrong."""
        self._begin("check")
        if not condition:
            self._complain("check", str(message))

    def check_atomic(self, *, ignore: Iterable[str] = ()) -> None:
        """Check that the tree is exactly the old one or exactly the new one.

        `ignore` has globs of what need not be either, such as ``"~*"`` for what is committed later.
        """
        ignored = self._globs("check_atomic", "ignore", ignore)
        self._judge("check_atomic", oracles.not_atomic(self.before, self.after, self.tree, ignored))

    def check_nothing_lost(self, *backups: str | os.PathLike[str]) -> None:
        """Check that each file of the old tree is in place, or in a back-up, unless the tree is the new one.

        `backups` are globs of names in the tree, or paths of directories elsewhere; without any, the content may
        be anywhere in the tree.
        """
        self._begin("check_nothing_lost")
        if wrong := [backup for backup in backups if not isinstance(backup, (str, os.PathLike))]:
            raise FsFaultError(
                f"check_nothing_lost({wrong[0]!r}) is not a back-up; write a glob such as '*.bak', or the path of a directory"
            )
        elsewhere = [backup for backup in backups if _is_elsewhere(os.fspath(backup))]
        inside = [backup for backup in backups if not _is_elsewhere(os.fspath(backup))]
        match = oracles.matcher("backups", inside, self._sweep.ignores_case) if backups else None
        trees = [self._sweep.snapshot(os.fspath(place)) for place in elsewhere]
        self._judge("check_nothing_lost", oracles.lost(self.before, self.after, self.tree, trees, match))

    def check_no_leftovers(self, *patterns: str) -> None:
        """Check that nothing new in the tree matches a glob of temporary files, such as ``"*.tmp"``.

        There is no clean-up after a crash: then the tree is judged that `check_rerun` has left, if it came before.
        """
        if not patterns:
            raise FsFaultError("check_no_leftovers() looks for nothing; write globs such as '*.tmp'")
        matches = self._globs("check_no_leftovers", "patterns", patterns)
        assert matches is not None  # noqa: S101  # there are patterns
        tree = self._rerun if self.crashed and self._rerun is not None else self.tree
        self._judge("check_no_leftovers", oracles.leftovers(self.before, tree, matches))

    def check_rerun(self, function: Callable[..., object], *args: Any, ignore: Iterable[str] = ()) -> None:
        """Check that ``function(root, *args)``, without faults, reaches the new tree; if it is there, do nothing."""
        ignored = self._globs("check_rerun", "ignore", ignore)
        if not callable(function):
            raise FsFaultError(f"check_rerun({function!r}) takes a function and its arguments")
        if not oracles.difference(self.after, self.tree, ignored):
            return
        rerun = self._sweep.on_behalf(function)
        try:
            with self._sweep.guarded():
                rerun(self.root, *args)
        except BaseException as error:
            if error_chains.ends_the_run(error):
                raise
            place = error_chains.release(error)
            self._record.rerun = "failed"
            self._complain("check_rerun", f"a second run fails: {error_chains.text(error)}, at {place}")
            return
        self._rerun = self._sweep.snapshot()
        text = oracles.difference(self.after, self._rerun, ignored)
        self._record.rerun = "failed" if text else "healed"
        self._judge(
            "check_rerun", text and f"a second run does not reach the new tree; compared with it:\n{text}"
        )

    def check_waits(self, at_most: str | float) -> None:
        """Check that the code waited no longer than `at_most`, a duration or virtual seconds."""
        self._begin("check_waits")
        most = duration_of("at_most", at_most)
        total = oracles.waited(self._record.outcome.waits)
        if total > most:
            count = len(self._record.outcome.waits)
            waits = f"{count} wait{'s' * (count != 1)}"
            self._complain("check_waits", f"it waited {total:g} s in {waits}, more than {most:g} s")

    def check_error(self, *, ignore: Iterable[str] = ()) -> None:
        """Check that the error that surfaced is the injected one: neither masked nor swallowed.

        A fault that was survived surfaces not at all: then the tree has to be the new one, but for `ignore`. An
        error raised from it, or one that the sweep expects, may have it in its chain.
        """
        ignored = self._globs("check_error", "ignore", ignore)
        if self.crashed or not self._record.injections or not any(entry.error for entry in self.injected):
            return
        self._judge("check_error", self._hidden(ignored))

    def _hidden(self, ignored: oracles.Ignored | None) -> str:
        error, token = self.error, self._record.token
        if error is None:
            text = oracles.difference(self.after, self.tree, ignored)
            if not text or any(one.check == "the block" for one in self._record.wrong):
                return ""
            return f"the error was swallowed: success is reported, but the tree is not the new one:\n{text}"
        texts = self._texts()
        related = error_chains.comes_from_fault(error, token, texts)
        if error_chains.shows_fault(error, token, texts):
            return ""
        if isinstance(error, self._sweep.expect) and related:
            return ""
        first = next(entry.error for entry in self.injected if entry.error is not None)
        return (
            f"the error was masked: {error_chains.text(error)} surfaced instead of {error_chains.text(first)}"
        )

    def _judge(self, check: str, text: str) -> None:
        if text:
            self._complain(check, text)

    def _globs(self, check: str, name: str, patterns: Iterable[str]) -> oracles.Ignored | None:
        self._begin(check)
        if isinstance(patterns, (str, bytes)):
            raise FsFaultError(f"{check}({name}={patterns!r}) is a single text; write {name}=({patterns!r},)")
        if not hasattr(patterns, "__iter__"):
            raise FsFaultError(
                f"{check}({name}={patterns!r}) is not a list of globs; write {name}=('*.tmp',)"
            )
        listed = list(patterns)
        return oracles.matcher(name, listed, self._sweep.ignores_case) if listed else None

    def _begin(self, check: str) -> None:
        self._must_be_done(f"{check}()")
        self._record.checks += 1

    def _must_be_done(self, what: str) -> None:
        if self._record.state == "done":
            return
        why = {
            "new": "has not run",
            "inside": "is still running",
            "over": "is over",
        }[self._record.state]
        raise FsFaultError(
            f"{what} of trial {self.id} is not available: the trial {why}; "
            "write it after the block of `with trial as root:`, inside the loop"
        )


def _is_elsewhere(backup: str) -> bool:
    """Return whether a back-up is given by its path, of this system or of a fake Windows."""
    return os.path.isabs(backup) or has_drive(backup.replace("\\", "/"))
