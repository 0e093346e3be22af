"""Compare names as NTFS does: without regard to case, as its table of letters has it."""

from __future__ import annotations


def fold(name: str) -> str:
    """Return what two spellings of one name have in common."""
    if name.isascii():
        return name.upper()
    return "".join(map(_upper, name))


def _upper(char: str) -> str:
    """Return the upper case that NTFS knows: of one UTF-16 unit, a single one of which the other is the lower case.

    So the dotless i, the long s and the micro sign have none. Source: Linux fs/ntfs/upcase.c, its table of Windows.
    """
    upper = char.upper() if char <= "\uffff" else char
    return upper if upper.lower() == char or char == "\u03c2" else char
