"""The seed of the last run that had tests under fault, as pytest's cache keeps it for `--fsfault-seed last`."""

from __future__ import annotations

from typing import Any

_LAST = "fsfault/seed"


def last_seed(config: Any) -> int | None:
    """Return it, None if there is none."""
    cache = getattr(config, "cache", None)
    found: int | None = cache.get(_LAST, None) if cache is not None else None
    return found


def remember(config: Any, seed: int) -> None:
    """Keep it."""
    cache = getattr(config, "cache", None)
    if cache is not None:
        cache.set(_LAST, seed)
