"""All that a rule may speak of, for `--fsfault-list`."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from pytest_fsfault._core.language.errors import TRANSIENT
from pytest_fsfault._core.language.operations import ALIASES, GROUPS, OPERATIONS
from pytest_fsfault._core.language.winerrors import WINERRORS, winerror_errno

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SYNTAX = "OPERATIONS [PATH] [to PATH] -> FAULT [when SCHEDULE] [or never]"
FAULTS = (
    ("ERROR_ACCESS_DENIED", "a Windows error by its name"),
    ("WinError 5", "the same by its number"),
    ("EACCES", "an errno of this system"),
    ("… after", "do it first, then raise"),
    ("delay 250ms", "let virtual time pass, then do it"),
    ("short 512", "transfer 512 bytes"),
    ("short 512 then ENOSPC", "transfer 512 bytes, then raise"),
    ("crash", "stop the code under test at that call"),
)
SCHEDULES = (
    ("always", "at every matching call (the default)"),
    ("once", "at the first matching call"),
    ("first N", "at the first N"),
    ("nth N", "at the Nth"),
    ("from N", "at the Nth and all later ones"),
    ("N..M", "from the Nth to the Mth"),
    ("every K", "at the Kth, the 2Kth …"),
    ("P%", "by chance, seeded, for each path apart"),
    ("for DURATION", "for so long after the first match"),
    ("until DURATION", "for so long after the start"),
    ("A and B", "where both say so, on one count"),
    ("… per path", "counted for each path apart"),
    ("… per call site", "counted for each line that calls apart"),
)


def listing(
    profiles: Iterable[tuple[str, str]], versions: Iterable[str], scanners: Iterable[tuple[str, str]]
) -> Iterator[str]:
    """Yield the syntax, operations, groups, faults, schedules, errors, profiles, and what the Windows model knows."""
    yield f"rule: {SYNTAX}"
    yield from ("", "operations:")
    primitives = [kind.name for kind in OPERATIONS.values() if not kind.composite]
    yield from _wrapped(primitives)
    yield from ("", "composites, in no group; the calls they make are operations of their own:")
    yield from _wrapped([kind.name for kind in OPERATIONS.values() if kind.composite])
    yield from ("", "other names: " + ", ".join(f"{alias} = {name}" for alias, name in ALIASES.items()))
    yield from _groups(primitives)
    yield from ("", "faults:")
    yield from _pairs(FAULTS)
    yield from ("", "schedules, counted over matching calls:")
    yield from _pairs(SCHEDULES)
    yield from _winerrors()
    yield from ("", "profiles:")
    yield from _pairs(profiles)
    yield from ("", f"versions of Windows: {', '.join(versions)}", "", "scanners:")
    yield from _pairs(scanners)


def _groups(primitives: Iterable[str]) -> Iterator[str]:
    yield from ("", "groups (open and os.open belong to read, write, create and mutate according to mode):")
    for group, names in GROUPS.items():
        if group == "any":
            yield "  any: all of the above but the composites"
        else:
            yield from _wrapped([name for name in primitives if name in names], f"  {group}: ")


def _winerrors() -> Iterator[str]:
    yield from ("", "Windows errors (* transient):")
    for error in WINERRORS.values():
        mark = "*" if error.name in TRANSIENT else " "
        yield f" {mark}{error.code:5}  {error.name:36} {winerror_errno(error.code):10} {error.text}"


def _wrapped(names: Iterable[str], head: str = "  ") -> list[str]:
    return textwrap.wrap(
        ", ".join(names), 110, initial_indent=head, subsequent_indent="    ", break_on_hyphens=False
    )


def _pairs(rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    known = list(rows)
    width = max((len(name) for name, _ in known), default=0)
    return (f"  {name:{width}}  {about}".rstrip() for name, about in known)
