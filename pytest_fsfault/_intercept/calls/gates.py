"""The gates of sessions, and contexts in which they are shut or in which a thread works for us."""

from __future__ import annotations

import sys
import threading
from functools import partial
from typing import TYPE_CHECKING, Protocol

from pytest_fsfault._core.language.rows import Row
from pytest_fsfault._host.whole import complete

if TYPE_CHECKING:
    from types import FrameType

    from pytest_fsfault._core.engine.interfaces import Sessions
    from pytest_fsfault._intercept.calls.state import InterceptState


class Holdable(Protocol):
    """The owner of all gates."""

    def hold_shut(self, holder: object, value: bool) -> None:
        """Let `holder` keep all gates shut, or let go."""


class Gate(Row):
    """Whether faults act for one session, and whether its clock runs for the code under test."""

    engine: Sessions
    faults: bool
    time: bool


class OwnWork:
    """A context in which the calling thread works for us."""

    def __init__(self, state: InterceptState) -> None:
        self._working = state.working
        self._before: FrameType | None = None

    def __enter__(self) -> None:
        me = threading.get_ident()
        self._before = self._working.get(me)
        self._working[me] = self._before or sys._getframe(1)

    def __exit__(self, *_: object) -> None:
        if self._before is None:
            self._working.pop(threading.get_ident(), None)


class AllShut:
    """A context in which all gates are shut."""

    def __init__(self, owner: Holdable) -> None:
        self._owner = owner

    def __enter__(self) -> None:
        try:
            self._owner.hold_shut(self, True)
        except BaseException:
            self._owner.hold_shut(self, False)
            raise

    def __exit__(self, *_: object) -> None:
        complete(partial(self._owner.hold_shut, self, False))
