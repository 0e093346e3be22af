"""Tell from a caller's bytecode which attribute it calls."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dis import Instruction
    from types import CodeType, FrameType

_ATTRIBUTES = frozenset({"LOAD_ATTR", "LOAD_METHOD"})
# What may have made the thing that is called; anything else with the same start belongs to the call itself.
_MAKES_CALLABLES = ("LOAD_", "BINARY_", "CALL", "COMPARE_OP", "UNARY_")
_OF_THE_CALL = frozenset({"LOAD_CONST"})


def called_attribute(frame: FrameType) -> str | None:
    """Return ``"replace"`` for a frame that is at ``anything.replace(...)``; None for a call of another form.

    A call and the expression of what it calls start at one place of the source, its arguments start later
    (PEP 657). So the last instruction before the call that starts there has made what is called. Without positions
    (``-X no_debug_ranges``), and where the call is one of C that calls on, it is not known.
    """
    return _called_attribute(frame.f_code, frame.f_lasti)


def _instructions_to(code: CodeType, offset: int) -> list[Instruction]:
    """Return the instructions up to the one at `offset`, the last of them; none if there is none."""
    from dis import get_instructions  # noqa: PLC0415  # for who asks; it takes 3 ms to import

    found = []
    for one in get_instructions(code):
        found.append(one)
        if one.offset == offset:
            return found
    return []


@lru_cache(maxsize=256)
def _called_attribute(code: CodeType, offset: int) -> str | None:
    before = _instructions_to(code, offset)
    if not before:
        return None
    one = before.pop()
    call = one.positions
    if not one.opname.startswith("CALL") or call is None or call.lineno is None or call.col_offset is None:
        return None
    return _attribute_at((call.lineno, call.col_offset), before)


def _attribute_at(start: tuple[int, int], before: list[Instruction]) -> str | None:
    """Return the attribute that is fetched at a place of the source, by the last instruction that makes a callable."""
    for other in reversed(before):
        there = other.positions
        if there is None or (there.lineno, there.col_offset) != start or other.opname in _OF_THE_CALL:
            continue
        if other.opname.startswith(_MAKES_CALLABLES):
            return str(other.argval) if other.opname in _ATTRIBUTES else None
    return None
