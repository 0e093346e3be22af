"""FsFault, the object that users hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pytest_fsfault._prove import retries as _retries

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from pytest_fsfault._core.clock import RealClock, VirtualClock
    from pytest_fsfault._core.engine.journal import Journal
    from pytest_fsfault._core.engine.plan import Armed
    from pytest_fsfault._core.language.faults import Fault
    from pytest_fsfault._core.language.rules import Rule
    from pytest_fsfault._prove.injection_points import Distinct
    from pytest_fsfault._prove.sweep import Sweep
    from pytest_fsfault._prove.tolerance import Tolerance
    from pytest_fsfault._prove.tree import Tree
    from pytest_fsfault._session.proofs import Proofs
    from pytest_fsfault._session.session import Session
    from pytest_fsfault._windows.windows import Windows

# pytest leaves the frames of this module out of tracebacks: they are not the user's.
__tracebackhide__ = True


class FsFault:
    """What a test asks of its faults: rules in force, the clock, the journal of what happened, and proofs."""

    __module__ = "pytest_fsfault"
    # An option that is assigned would be kept, and do nothing.
    __slots__ = ("__weakref__", "_proofs", "_session")

    def __init__(self, session: Session) -> None:
        self._session = session
        self._proofs: Proofs | None = None

    def add(self, rule: str | Rule) -> Armed:
        """Put a rule in force from now on, and return it with its counts."""
        self._session.must_go_on()
        return self._session.add(rule)

    def add_root(self, path: str | os.PathLike[str]) -> None:
        """Watch one more directory, which need not exist yet."""
        self._session.must_go_on()
        self._session.add_root(path)

    def paused(self) -> AbstractContextManager[None]:
        """Switch the faults off for a block; the clock stays virtual."""
        self._session.must_go_on()
        return self._session.paused()

    @property
    def journal(self) -> Journal:
        """What happened so far, in this process and in its Python children."""
        return self._session.journal

    @property
    def clock(self) -> VirtualClock | RealClock:
        """Time as the code under test sees it."""
        return self._session.clock

    @property
    def roots(self) -> tuple[str, ...]:
        """The watched directories."""
        return self._session.engine.roots

    @property
    def profile(self) -> str:
        """The name of the profile that holds here."""
        return self._session.profile

    @property
    def seed(self) -> int | str:
        """What the draws of rules with ``P%`` and of scanners begin with."""
        return self._session.seed

    def windows(self, version: str | None = None, **options: bool) -> Windows:
        """Switch the Windows model on, and return it; called again, return the same model.

        `version` is ``"7"``, ``"server-2019"``, ``"10"``, ``"server-2022"``, ``"11"`` (the default) or
        ``"server-2025"``. Options are `posix_delete`, `long_paths`, `developer_mode` and `case_sensitive`.
        Raise FsFaultError for another version than that of the model that is there.
        """
        self._session.must_go_on()
        model = self._session.windows
        if model is None:
            return self._session.add_windows("11" if version is None else version, options)
        if options or version not in (None, model.version):
            from pytest_fsfault._windows.upkeep import must_be  # noqa: PLC0415  # it comes with the model

            must_be(model, version, options)
        return model

    def retries(self, operation: str | None = None, path: str | None = None) -> list[_retries.Retry]:
        """Return, for each file that met an error, how often it was tried and how long was waited.

        `operation` is an operation or a group, `path` a glob as in a rule.
        """
        session = self._session
        return _retries.retries(
            self.journal, self.clock.waits, self.roots, operation, path, session.trials,
            ignore_case=session.engine.plan.ignore_case,
        )  # fmt: skip

    def assert_retried(
        self, operation: str, attempts: int | None = None, within: str | float | None = None
    ) -> None:
        """Assert that `operation` met an error and was tried again until it succeeded.

        `attempts` is the number of calls that each file took, the first included; `within` the most that all
        waits for one file may add up to: a duration such as ``"2s"``, or virtual seconds.
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
            FsFaultError: for invalid arguments, at once; for a `prepare` that fails, in the loop.
            AssertionError: at the end of the loop, for all trials that have failed.

        """
        self._session.must_go_on()
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
            hold: the path that is held open from the start, below the root, or a function of the root.
            on: instead, a glob such as ``"*.dll"``: a file of that name, from when `body` has written it.
            rule: instead, a rule without a schedule, which holds from its first match.
            kind: ``"handle"`` (open, shared for reading and writing) or ``"image"`` (a running program).
            up_to: the longest hold to try.

        Raises:
            FsFaultError: for invalid arguments.
            AssertionError: if no call ran into the hold.

        """
        self._session.must_go_on()
        from pytest_fsfault._session import tolerance_runs  # noqa: PLC0415

        wanted = tolerance_runs.held_by(hold, on, rule, kind)
        return tolerance_runs.tolerance(self._session, self._prove(), body, prepare, wanted, up_to)

    def self_replace(
        self,
        exe: str | os.PathLike[str],
        update: Callable[[Path], object],
        *,
        faults: Iterable[str | Fault] = ("ERROR_ACCESS_DENIED", "ERROR_SHARING_VIOLATION"),
        expect: type[BaseException] | tuple[type[BaseException], ...] = (),
    ) -> None:
        """Assert that ``update(exe)`` replaces a program while it runs, and never leaves none in place.

        It works on a copy of the directory in which `exe` is. A script is not held while it runs, a program is held
        as an image; if `exe` is a directory, so are all programs and libraries in it.

        Raises:
            FsFaultError: for invalid arguments.
            AssertionError: if the update fails without a fault, or if neither the old nor the new program is
                in place after a fault at some step.

        """
        self._session.must_go_on()
        from pytest_fsfault._session import self_replace  # noqa: PLC0415

        self_replace.self_replace(self._session, self._prove(), exe, update, faults, expect)

    def _prove(self) -> Proofs:
        if self._proofs is None:
            from pytest_fsfault._session.proofs import Proofs  # noqa: PLC0415  # who proves nothing pays nothing for it

            self._proofs = Proofs(self._session)
        return self._proofs
