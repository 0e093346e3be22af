"""Say how the arrow of a rule is written, where there is another one, or none."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pytest_fsfault._core.language.deferred import deferred
from pytest_fsfault._core.language.faults import starts_fault
from pytest_fsfault._core.language.tokens import RuleSyntaxError

if TYPE_CHECKING:
    from collections.abc import Container

    from pytest_fsfault._core.language.tokens import Word

# pytest leaves the frames of this module out of tracebacks: they are not the user's.
__tracebackhide__ = True

# The arrows of Unicode, and what stands for one elsewhere.
_UNICODE = r"\u2190-\u21ff\u2794-\u27be\u27f0-\u27ff"
_GLUED = deferred(rf"(?P<name>[\w.]+)(?P<arrow>=>|-->|[=>:{_UNICODE}]).*", re.DOTALL)
_WRONG = deferred(rf"[-=]*>|[-=:]|--|==|[{_UNICODE}]")


def refuse_glued_arrow(word: Word, names: Container[str]) -> None:
    """Refuse one of the `names` with another arrow right behind it."""
    found = _GLUED.fullmatch(word.text)
    if found and found["name"] in names:
        raise _wrong_arrow(found["arrow"], word.column + len(found["name"]))


def refuse_arrow(raw: str, column: int, text: str, place: int, *, more: bool) -> None:
    """Refuse another arrow, `raw`, that ends at a `place` of the text.

    What looks like one may be a file's name if there is no path before it (`more`), and an arrow follows.
    """
    glued = text.startswith("->", place)
    if _WRONG.fullmatch(raw) and (more or glued or "->" not in text):
        raise _wrong_arrow(raw + "->" * glued, column)


def no_arrow(raw: str, column: int, text: str) -> RuleSyntaxError:
    """Return what is wrong where an arrow had to be."""
    if "->" not in text and starts_fault(raw):
        return RuleSyntaxError(f"there is no arrow; write '->' before {raw!r}", column)
    hint = "; write quotes round a path with blanks in it"
    return RuleSyntaxError(f"expected '->', not {raw!r}", column, hint)


def _wrong_arrow(written: str, column: int) -> RuleSyntaxError:
    return RuleSyntaxError(f"the arrow is written '->', not {written!r}", column)
