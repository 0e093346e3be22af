"""One trial as its sweep sees it: what it tries, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from pytest_fsfault._core.language.rows import Row

if TYPE_CHECKING:
    from pytest_fsfault._core.clock import Wait
    from pytest_fsfault._core.engine.journal import Entry
    from pytest_fsfault._prove.injection_points import Injection
    from pytest_fsfault._prove.tree import Tree


#: What a second run did: it was not asked for, reached the new tree, or did not.
Rerun = Literal["not asked", "healed", "failed"]


class TrialOutcome(Row):
    """What happened while a trial's faults acted: the entries with a fault, the waits, what ended it, all entries."""

    injected: tuple[Entry, ...] = ()
    waits: tuple[Wait, ...] = ()
    ended: BaseException | None = None
    entries: tuple[Entry, ...] = ()


class Wrong(Row):
    """One thing that is wrong with a trial: which check says so, and what."""

    check: str
    text: str


UNMET = Wrong(
    "the sweep",
    "the fault did not happen: the body made different calls than in the first trial; it must be deterministic",
)


@dataclass
class TrialRecord:
    """What a sweep keeps of a trial: its faults, how far it got, and what its checks found."""

    id: str
    injections: tuple[Injection, ...]
    token: int  # tells the errors that this trial has injected from others
    state: Literal["new", "inside", "done", "over"] = "new"
    outcome: TrialOutcome = field(default_factory=TrialOutcome)
    wrong: list[Wrong] = field(default_factory=list)
    checks: int = 0
    error: BaseException | None = None
    rerun: Rerun = "not asked"
    tree: Tree | None = None  # as it was when the block ended

    @property
    def fault(self) -> str | None:
        """The fault as it was given; None in the first trial."""
        return ", then ".join(injection.text for injection in self.injections) or None

    @property
    def crashed(self) -> bool:
        """Whether a simulated crash has ended the code under test."""
        return any(entry.outcome == "crashed" for entry in self.outcome.injected)
