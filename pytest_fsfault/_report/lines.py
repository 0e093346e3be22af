"""The journal as lines for people."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pytest_fsfault._core.engine.journal import Entry

# So many entries are shown before and after each fault.
_AROUND = 2
_MOST = 60


def journal_lines(
    entries: Sequence[Entry], roots: Sequence[str], *, everything: bool = False
) -> Iterator[str]:
    """Yield the entries around the faults, or all of them, each with what became of it."""
    chosen = list(range(len(entries))) if everything else _near_faults(entries)
    last = -1
    for place in chosen[:_MOST] if not everything else chosen:
        if place > last + 1 and last >= 0:
            yield "   ..."
        yield from entry_lines(entries[place], roots)
        last = place
    if not everything and len(chosen) > _MOST:
        yield f"   ... {len(chosen) - _MOST} more; see all with --fsfault-show all"


def entry_lines(entry: Entry, roots: Iterable[str]) -> Iterator[str]:
    """Yield what was asked, the error as Python prints it, and why."""
    target = f" -> {shorten(entry.target, roots)}" if entry.target is not None else ""
    place = _relative(entry.call_site)
    yield f"#{entry.index:<4} {entry.at:9.4f} s  {entry.operation} {shorten(entry.path, roots)}{target}  {entry.outcome}, at {place}"
    if entry.error is not None:
        yield f"        {type(entry.error).__name__}: {entry.error}"
    if entry.reason:
        yield f"        {entry.reason}"


def legible(text: str) -> str:
    """Return `text` with what cannot be encoded, as in names of files, in a form that can be printed and sent."""
    return text.encode("utf-8", "backslashreplace").decode()


def shorten(path: str, roots: Iterable[str]) -> str:
    """Return `path` as seen from its root."""
    for root in sorted(roots, key=len, reverse=True):
        if path.startswith(root.rstrip("/") + "/"):
            return path[len(root.rstrip("/")) + 1 :]
    return path


def _near_faults(entries: Sequence[Entry]) -> list[int]:
    near = {
        place
        for at, entry in enumerate(entries)
        if entry.fault is not None
        for place in range(max(0, at - _AROUND), min(len(entries), at + _AROUND + 1))
    }
    return sorted(near)


def _relative(call_site: str) -> str:
    try:
        relative = os.path.relpath(call_site)
    except ValueError:  # another drive
        return call_site
    return call_site if relative.startswith("..") else relative.replace(os.sep, "/")
