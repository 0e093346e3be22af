"""The module that has called a wrapper, found without the audit event that `sys._getframe` raises.

With a hook that listens, an event costs as much as a third of a call of `os.stat`. A generator has one frame for its
whole life: behind that, each time it is resumed, is the frame that resumes it, and then the caller of that one.
"""

from __future__ import annotations

import sys
from itertools import repeat
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from types import FrameType


def _looking() -> Generator[Any, Any, None]:
    mine = yield
    yield
    while True:
        try:
            # In no variable: the caller's frame would live on in it.
            yield mine.f_back.f_back.f_globals["__name__"]
        except (AttributeError, KeyError):
            if _is_named(mine.f_back.f_back):
                raise
            yield None


def _is_named(caller: FrameType | None) -> bool:
    return caller is not None and "__name__" in caller.f_globals


def _begun() -> Generator[Any, Any, None]:
    looking = _looking()
    next(looking)
    looking.send(looking.gi_frame)  # type: ignore[attr-defined]  # it has one
    return looking


# Of errors the texts that come from here: another thread or a signal handler asks while one is being answered; and
# a module whose name is no text.
_OWN = ("generator already executing", "unhashable type")


class Behind:
    """Who is behind a wrapper, which asks for the `next` of `modules` itself, without a function in between.

    That is the `__name__` of the caller's module; None where there is no caller, and always in an interpreter without
    its lock. What it raises is for `renewed`.
    """

    __slots__ = ("modules",)

    def __init__(self) -> None:
        self.modules: Iterator[Any] = repeat(None)
        self._begin()

    def renewed(self, error: Exception) -> bool:
        """Return whether `error` tells that the caller has to be asked in another way, this time.

        Any other is a signal handler's. It has ended the generator, of which the next call tells.
        """
        if isinstance(error, StopIteration):
            self._begin()
            return True
        return str(error).startswith(_OWN)

    def _begin(self) -> None:
        if _HAS_LOCK:
            self.modules = _begun()


_HAS_LOCK: bool = getattr(sys, "_is_gil_enabled", lambda: True)()
BEHIND = Behind()
