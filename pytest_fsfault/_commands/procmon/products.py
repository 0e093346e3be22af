"""Which product a process belongs to, so that a holder has a name that its owner knows."""

from __future__ import annotations

from pytest_fsfault._windows.holders.scanners import processes


def label(process: str) -> str:
    """Return a process with its product, such as ``"mfetp.exe (Trellix)"``; the process alone if it is not known."""
    known = processes().get(process.lower())
    text = f"{process} ({known})" if known else process
    # What a hold accepts as its label: no control characters.
    return "".join(character if character.isprintable() else "?" for character in text)
