"""The journal as lines for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_fsfault._core.language.deferred import deferred
from pytest_fsfault._core.language.rows import Row
from pytest_fsfault._host.paths import seen_from_here

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pytest_fsfault._core.engine.journal import Entry

# So many entries are shown before and after each fault.
_AROUND = 2
_MOST = 60
# How a reason tells one call of a schedule from the next.
_STEP = deferred(r"\d+")
# How Python begins the text of an error with a number.
_NUMBER = deferred(r"\[(?:WinError|Errno) -?\d+\]")


def journal_lines(
    entries: Sequence[Entry], roots: Sequence[str], *, everything: bool = False
) -> Iterator[str]:
    """Yield the entries around the faults, or all of them, each with what became of it; equal ones as one."""
    chosen = list(range(len(entries))) if everything else _near_faults(entries)
    groups = list(_folded(entries, chosen))
    said: set[str] = set()
    last = -1
    for group in groups if everything else groups[:_MOST]:
        if group.first > last + 1 and last >= 0:
            yield "   ..."
        yield from entry_lines(entries[group.first], roots, said)
        if group.size > 1:
            yield f"        ... {group.size - 1} more like it, until {entries[group.last].at:.4f} s"
        last = group.last
    if not everything and len(groups) > _MOST:
        yield f"   ... {len(groups) - _MOST} more; see all with --fsfault-show all"


class _Group(Row):
    first: int
    last: int
    size: int


def _folded(entries: Sequence[Entry], chosen: Sequence[int]) -> Iterator[_Group]:
    """Yield the chosen entries, those that follow each other and differ in number and time alone as one group."""
    current: _Group | None = None
    known: tuple[object, ...] = ()
    for place in chosen:
        entry = entries[place]
        likeness = (
            *entry[1:6], entry.outcome, str(entry.error), entry.thread, entry.process, entry.call_site
        )  # fmt: skip
        likeness = (*likeness[:4], _STEP.sub("", entry.reason), *likeness[5:])
        if current is not None and place == current.last + 1 and likeness == known:
            current = current._replace(last=place, size=current.size + 1)
            continue
        if current is not None:
            yield current
        current, known = _Group(place, place, 1), likeness
    if current is not None:
        yield current


def entry_lines(entry: Entry, roots: Iterable[str], said: set[str]) -> Iterator[str]:
    """Yield what was asked, the error, and why it happened; an error's text only if it is not in `said` yet."""
    target = f" -> {shorten(entry.target, roots)}" if entry.target is not None else ""
    site = seen_from_here(entry.call_site)
    yield f"#{entry.index:<4} {entry.at:9.4f} s  {entry.operation} {shorten(entry.path, roots)}{target}  {entry.outcome}, at {site}"
    if entry.error is not None:
        code, text = _code_and_text(entry.error)
        yield f"        {code}" if f"{code}{text}" in said else f"        {code}{text}"
        said.add(f"{code}{text}")
    if entry.reason:
        yield f"        {entry.reason}"


def _code_and_text(error: BaseException) -> tuple[str, str]:
    """Return an error without its file names, which the entry has: its class and number, and what they mean."""
    text = str(error)
    for names in (_names(error, 2), _names(error, 1)):
        text = text.removesuffix(names)
    number = _NUMBER.match(text)
    cut = number.end() if number else len(text)
    return f"{type(error).__name__}: {text[:cut]}", text[cut:]


def _names(error: BaseException, count: int) -> str:
    """Return the file names of an error as `str` ends with them."""
    names = [getattr(error, name, None) for name in ("filename", "filename2")[:count]]
    return ": " + " -> ".join(map(repr, names))


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
