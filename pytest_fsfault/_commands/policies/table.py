"""Lines of text: policies against the holds of one scanner, and where the policies come from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_fsfault._commands.policies.survival import survival
from pytest_fsfault._core.language.winerrors import error_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_fsfault._commands.policies.survival import Survival
    from pytest_fsfault._windows.holders.scanners import Scanner
    from pytest_fsfault.policies import Policy

_HEADINGS = ("policy", "retries", "waits at most", "survives", "worst wait")


def against(
    policies: Sequence[Policy], scanner: Scanner, holds: Sequence[float], error: int, seed: int
) -> Iterator[str]:
    """Yield a table of policies, the one that survives most first."""
    drawn = f"{len(holds):,} drawn from {scanner.hold} with seed {seed}"
    yield f"{scanner.name}: {drawn}; a try meanwhile meets {_named(error)}"
    yield ""
    ends = {policy: survival(policy, holds, error=error, seed=seed) for policy in policies}
    best = sorted(policies, key=lambda policy: (-ends[policy].survived, ends[policy].worst_wait or 0.0))
    yield from _aligned([_HEADINGS, *(_row(policy, ends[policy], error) for policy in best)])


def sources(policies: Sequence[Policy]) -> Iterator[str]:
    """Yield for each policy where it is published."""
    for policy in policies:
        yield f"{policy.name}: {policy.source.project}, {policy.source.function}"
        yield f"    {policy.source.url}"


def _aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()


def _named(error: int) -> str:
    return f"WinError {error} ({error_name(error)})"


def _row(policy: Policy, end: Survival, error: int) -> tuple[str, ...]:
    # Rounded down: only who survives all of them has 100 %.
    percent = end.survived * 10_000 // end.tried / 100
    survives = f"{end.survived:,} of {end.tried:,} ({percent:.2f} %)"
    return policy.name, policy.retries, policy.budget, survives, _worst(end, error)


def _worst(end: Survival, error: int) -> str:
    if not end.retried:
        return f"does not retry {error}"
    return "-" if end.worst_wait is None else f"{end.worst_wait:.3f} s"
