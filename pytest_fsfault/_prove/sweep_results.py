"""What the trials of one sweep have shown so far."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_fsfault._core.engine.journal import Entry
    from pytest_fsfault._prove.failure_report import RerunCommand
    from pytest_fsfault._prove.trial_results import TrialResult


class SweepResults:
    """The results of the trials, in order, with the journal of the first that has failed."""

    def __init__(self) -> None:
        self.failed: list[TrialResult] = []
        self.count = 0  # of the trials with a fault
        self.first_failure: tuple[TrialResult, tuple[Entry, ...]] | None = None
        self._all: list[TrialResult] = []
        self._met: Counter[tuple[str, str]] = Counter()

    def meet(self, injected: Iterable[Entry]) -> None:
        """Count the faults of a trial, by operation and text."""
        self._met.update((entry.operation, entry.fault or "") for entry in injected)

    def add(self, result: TrialResult, entries: tuple[Entry, ...]) -> None:
        """Append the result of a trial, with its journal."""
        self._all.append(result)
        self.count += bool(result.calls)
        if result.wrong:
            self.failed.append(result)
            self.first_failure = self.first_failure or (result, entries)

    def evidence(self, rerun: RerunCommand, others: Iterable[dict[str, Any]]) -> dict[str, Any]:
        """Return all as data; `others` are the pairs that were not tried, since they do not apply."""
        return {
            "trials": self.count,
            "failed": len(self.failed),
            "counts": [
                [operation, fault, number] for (operation, fault), number in sorted(self._met.items())
            ],
            "rows": [*(one.data(rerun(one.id)) for one in self._all), *others],
        }
