"""What a JUnit file says of a test under fault, as properties."""

from __future__ import annotations

from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from pytest_fsfault._core.language.legible import legible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

# A loop without an end meets ten thousand faults: more than these are of no help.
_MOST = 100


def properties(test: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the seed, the line that runs the test again, and each fault that acted in it, or in a trial of it."""
    yield "fsfault_seed", str(test["seed"])
    yield "fsfault_reproduce", legible(test["reproduce"])
    faults = chain(_of_calls(test["calls"]), _of_trials(test["sweeps"]))
    for fault in islice(faults, _MOST):
        yield "fsfault_fault", legible(fault)
    left = sum(1 for _ in faults)
    if left:
        yield "fsfault_fault", f"... {left} more"


def _of_calls(calls: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for call in calls:
        if call["fault"] is not None:
            target = "" if call["target"] is None else f" -> {call['target']}"
            yield f"{call['operation']} {call['path']}{target}: {call['fault']}, at {call['site']}"


def _of_trials(rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for row in rows:
        if row["applies"] and row["fault"] is not None:
            paths = " -> ".join(row["paths"])
            yield f"trial {row['id']}: {row['operation']} {paths}: {row['fault']}, at {row['site']}"
