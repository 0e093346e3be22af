"""What a sweep asks of its surroundings, and what a trial asks of its sweep."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from contextlib import AbstractContextManager
    from pathlib import Path
    from types import FrameType

    from pytest_fsfault._core.engine.plan import Armed
    from pytest_fsfault._prove.injection_points import Stack
    from pytest_fsfault._prove.outcomes import TrialOutcome
    from pytest_fsfault._prove.tree import Tree
    from pytest_fsfault._prove.workspace import Workspace


class Environment(Protocol):
    """What surrounds the trials: faults act between `enter` and `leave`, and nowhere else."""

    @property
    def ignores_case(self) -> bool:
        """Whether two names are one that differ by case alone."""
        ...

    def begin(self) -> None:
        """Shut everything out until a trial runs."""

    def must_stand_alone(self) -> None:
        """Raise FsFaultError if the trials of another sweep are running."""

    def watch(self, workspace: Workspace) -> None:
        """Record where the trees stand."""

    def end(self) -> None:
        """Let the session go on as before."""

    def renew(self) -> None:
        """Undo what belonged to the tree of the last trial."""

    def enter(self, token: int, armed: Iterable[Armed], frame: FrameType) -> None:
        """Let the faults act on what `frame` calls."""

    def leave(self) -> TrialOutcome:
        """Let nothing act any more; return what happened."""
        ...

    def guarded(self) -> AbstractContextManager[None]:
        """Refuse changes outside the roots in the block, if they are refused in trials; nothing else acts."""
        ...

    def on_behalf(self, function: Callable[..., object]) -> Callable[..., object]:
        """Return a function of the standard library such that its calls count as those of the user's line."""
        ...

    def settle(self) -> None:
        """End what a crash has left, before the tree is put aside."""

    def progress(self, text: str) -> None:
        """Show the progress of the trials."""

    def stack(self) -> Stack:
        """Return the lines of the project that are at work, above the frame of the trial."""
        ...

    def escaped(self, told: str) -> None:
        """Record a change that no call of ours has made."""

    def strays(self, names: frozenset[str]) -> str:
        """Say which of these operations were seen elsewhere, if none was seen in the tree."""
        ...


class Trials(Protocol):
    """What a trial asks of the sweep to which it belongs."""

    @property
    def root(self) -> Path:
        """The directory of the tree."""
        ...

    @property
    def before(self) -> Tree:
        """The old tree."""
        ...

    @property
    def after(self) -> Tree:
        """The new tree."""
        ...

    @property
    def expect(self) -> tuple[type[BaseException], ...]:
        """Exceptions that the code under test may make of a fault."""
        ...

    @property
    def ignores_case(self) -> bool:
        """Whether two names are one that differ by case alone."""
        ...

    def guarded(self) -> AbstractContextManager[None]:
        """Refuse changes outside the roots in the block, if they are refused in trials; nothing else acts."""
        ...

    def on_behalf(self, function: Callable[..., object]) -> Callable[..., object]:
        """Return a function of the standard library such that its calls count as those of the user's line."""
        ...

    def snapshot(self, path: str | None = None) -> Tree:
        """Return what is at the root now, or at another path."""
        ...

    def enter(self, token: int, frame: FrameType) -> None:
        """Let the faults of the trial act on what `frame` calls."""

    def leave(self, *, first: bool) -> TrialOutcome:
        """Let them act no more; the `first` trial leaves the new tree."""
        ...
