"""Translate a glob to a regex that takes linear time on any path, however many wildcards the glob has.

A glob is a sequence of blocks, with ``**`` between them. The wildcards in a block stay within a component. What
fits a block at all fits it best as early as possible: what follows may then begin at any later place. So each
wildcard takes as little as it can and never tries again (``(?>...)``, atomic groups), but for the last one, which
leads to the end. As ``*`` matches no ``/``, the last block begins in a component that is known by the number of
its slashes. The plain translation, ``.*`` for ``**``, tries all ways to share a path among the wildcards.
"""

from __future__ import annotations

import re
from functools import lru_cache

from pytest_fsfault._core.language.deferred import deferred
from pytest_fsfault._core.language.rows import Row

#: Brackets are taken whole: `]` in their first place stands for itself, as in a shell.
PARTS = deferred(
    r"\\(?P<literal>.)|(?P<stars>\*+)|(?P<one>\?)|\[(?P<no>!?+)(?P<members>\]?+(?:\\.|[^\]\\])*)\]|(?P<char>.)",
    re.DOTALL,
)
#: No path is as long: PATH_MAX is 4,096 on Linux, a path of Windows has at most 32,767 characters.
_ROOM = 40_000
MEMBERS = deferred(r"\\(?P<literal>.)|(?P<char>.)", re.DOTALL)

# What comes before a block: nothing, `**/` where a component starts (any directories, also none), or `**`.
_START, _DIRECTORIES, _ANYTHING = range(3)


class _Block:
    """A part of a glob without ``**``: regexes of fixed length, in pieces, with a ``*`` between two of them."""

    def __init__(self, lead: int) -> None:
        self.lead = lead
        self.pieces: list[list[str]] = [[]]
        self.slashes = 0

    @property
    def is_empty(self) -> bool:
        return self.pieces == [[]]

    def texts(self) -> list[str]:
        return ["".join(piece) for piece in self.pieces]


class Member(Row):
    """One range in brackets."""

    first: str
    last: str


@lru_cache(maxsize=1024)
def translate(pattern: str) -> str:
    """Return a regex for a canonical glob, to be matched up to the end of a path or of a part of it."""
    if len(pattern) > _ROOM and sum(not part["stars"] for part in PARTS.finditer(pattern)) > _ROOM:
        return "(?!)"
    *floating, last = _blocks(pattern)
    return "".join(map(_earliest, floating)) + _up_to_the_end(last)


def ranges(members: str) -> list[Member]:
    """Return the members of brackets as pairs of the first and the last character."""
    chars = [(found["literal"] or found[0], found["char"]) for found in MEMBERS.finditer(members)]
    pairs, place = [], 0
    while place < len(chars):
        first = last = chars[place][0]
        if place + 2 < len(chars) and chars[place + 1][1] == "-":
            last, place = chars[place + 2][0], place + 2
        pairs.append(Member(first, last))
        place += 1
    return pairs


def _blocks(pattern: str) -> list[_Block]:
    blocks = [_Block(_START)]
    begins, end = True, 0  # whether a component begins here; up to where the pattern is read
    for part in PARTS.finditer(pattern):
        if part.start() < end:
            continue
        end = part.end()
        stars = part["stars"] or ""
        if len(stars) > 1:
            whole = begins and stars == "**" and pattern.startswith("/", end)
            end += whole
            _lead(blocks, _DIRECTORIES if whole else _ANYTHING)
            begins = whole
        elif stars:
            blocks[-1].pieces.append([])
            begins = False
        else:
            begins = part[0] == "/"
            blocks[-1].slashes += begins
            blocks[-1].pieces[-1].append(_single(part))
    return blocks


def _lead(blocks: list[_Block], lead: int) -> None:
    """Begin a block; what has nothing before it but directories takes their place."""
    if blocks[-1].lead == _DIRECTORIES and blocks[-1].is_empty:
        blocks.pop()
    blocks.append(_Block(lead))


def _single(part: re.Match[str]) -> str:
    if part["one"]:
        return "[^/]"
    if part["members"]:
        members = "".join(f"{re.escape(first)}-{re.escape(last)}" for first, last in ranges(part["members"]))
        return f"(?!/)[{'^' * bool(part['no'])}{members}]"
    return re.escape(part["literal"] or part["char"])


def _earliest(block: _Block) -> str:
    """Return a regex that ends as early as the block can, for one that ``**`` follows."""
    first, *others = block.texts()
    if block.lead == _ANYTHING:
        first = f"(?>[^/]*?{first})"
    there = first + "".join(f"(?>[^/]*?{text})" for text in others if text)
    # If it does not fit where it begins first in a component, it fits nowhere in it.
    return there if block.lead == _START else f"(?>(?:(?!{there})[^/]*/)*+{there})"


def _up_to_the_end(block: _Block) -> str:
    first, *others = block.texts()
    if block.lead == _ANYTHING and block.is_empty:
        return ".*"
    jump = ""
    if block.lead != _START:
        tail = rf"(?=(?:[^/]*/){{{block.slashes}}}[^/]*\Z)"
        jump = f"(?>.*/{tail}|{tail})"
    if block.lead == _ANYTHING:
        first = f"(?>[^/]*?{first})" if others else f"[^/]*{first}"
    middle = "".join(f"(?>[^/]*?{text})" for text in others[:-1])
    return jump + first + middle + (f"[^/]*{others[-1]}" if others else "")
