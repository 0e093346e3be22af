"""Compare names as NTFS does: without regard to case, as its table of letters has it."""

from __future__ import annotations

from pytest_fsfault._core.language.upcase import upper_case


def fold(name: str) -> str:
    """Return what two spellings of one name have in common."""
    return name.upper() if name.isascii() else name.translate(upper_case())
