"""What a JUnit file says of a test under fault, as properties."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from pytest_fsfault._core.language.legible import legible

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# A loop without an end meets ten thousand faults: more than these are of no help.
_MOST = 100


def properties(test: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the seed, the line that runs the test again, and each fault that acted in it."""
    yield "fsfault_seed", str(test["seed"])
    yield "fsfault_reproduce", legible(test["reproduce"])
    faults = (call for call in test["calls"] if call["fault"] is not None)
    for call in islice(faults, _MOST):
        target = "" if call["target"] is None else f" -> {call['target']}"
        yield (
            "fsfault_fault",
            legible(f"{call['operation']} {call['path']}{target}: {call['fault']}, at {call['site']}"),
        )
    left = sum(1 for _ in faults)
    if left:
        yield "fsfault_fault", f"... {left} more"
