"""Patterns that are compiled when they are first used: a run in which no call fails needs few of them."""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, AnyStr


class _Deferred:
    """A pattern in the making; what is asked of it once stays its attribute."""

    def __init__(self, text: Any, flags: int) -> None:
        self._text, self._flags = text, flags

    def __getattr__(self, name: str) -> Any:
        found = getattr(re.compile(self._text, self._flags), name)  # re remembers it for its other attributes
        setattr(self, name, found)
        return found


def deferred(text: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """Return what `re.compile` returns, but for functions of `re` that take a pattern."""
    return _Deferred(text, flags)  # type: ignore[return-value]
