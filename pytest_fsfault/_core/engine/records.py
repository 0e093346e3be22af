"""What was decided about a call, and what may become of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pytest_fsfault._core.language.rows import Row

if TYPE_CHECKING:
    from pytest_fsfault._core.language.faults import Fault

Outcome = Literal["ok", "raised", "failed", "short", "crashed", "passed"]


class Decision(Row):
    """What one decider answers: the fault to act out, and why."""

    fault: Fault
    reason: str
    note: str = ""  # what the exception says of it, besides its own text
    trial: int = 0  # the trial of a sweep that injects it
    hold: int | None = None  # the number of the hold that refuses, if one does
    unless_alike: bool = False  # whether the real call's own error comes first, if it is the same


class Handling(Row):
    """What was decided about an operation, before it was acted out; `hold` and `nth` as in `Entry`."""

    fault: str | None
    reason: str
    at: float
    hold: int | None = None
    nth: int = 0
