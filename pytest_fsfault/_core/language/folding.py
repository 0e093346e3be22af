"""Compare names as NTFS does: without regard to case, as its table of letters has it."""

from __future__ import annotations


def fold(name: str) -> str:
    """Return what two spellings of one name have in common."""
    if name.isascii():
        return name.upper()
    from pytest_fsfault._core.language.upcase import upper_case  # noqa: PLC0415  # a table that few names need

    return name.translate(upper_case())
