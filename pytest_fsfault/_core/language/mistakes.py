"""Say what the user wrote, what is valid, and what to write instead."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class FsFaultError(ValueError):
    """Raise for invalid arguments, rules and settings; nothing was changed."""

    __module__ = "pytest_fsfault"


def nearest(name: str, names: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for the valid name closest to `name`, or an empty string."""
    from difflib import get_close_matches  # noqa: PLC0415  # for who has made a mistake

    known = {candidate.lower(): candidate for candidate in names}
    found = get_close_matches(name.lower(), known, n=1, cutoff=0.6)
    return f"; did you mean {known[found[0]]!r}?" if found else ""


def clipped(text: str, limit: int = 400) -> str:
    """Return a text for a message; the middle of a very long one is left out."""
    return text if len(text) <= limit else f"{text[: limit // 2]} … {text[-limit // 2 :]}"
