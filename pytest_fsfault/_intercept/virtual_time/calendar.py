"""What else of `time` tells the present: `localtime` and its like, where they are called without a time."""

from __future__ import annotations

import time
from sys import _getframe
from typing import TYPE_CHECKING, Any

from pytest_fsfault._core.clock import SECOND
from pytest_fsfault._intercept.patching.patches import bind
from pytest_fsfault._intercept.virtual_time import travel
from pytest_fsfault._intercept.virtual_time.scope import ACTIVE

if TYPE_CHECKING:
    from pytest_fsfault._core.clock import VirtualClock
    from pytest_fsfault._intercept.virtual_time.scope import ClockScope

_localtime = time.localtime


def wall_ns_of(scope: ClockScope, clock: VirtualClock) -> int:
    """Return what the wall clock shows to code under test, which pays for the reading."""
    spent = clock.reading()
    one = travel.traveller()
    return scope.epoch["time"] + spent if one is None else travel.read_ns(one, clock, spent)


def _present(name: str, before: int) -> Any:
    """Return the wrapper of a function that takes the present where the argument after `before` others is missing.

    It is handed the present as seconds, or as what `localtime` makes of them.
    """
    real = getattr(time, name)
    in_parts = name in {"asctime", "strftime"}

    def at(_home: object, *args: Any, **kwargs: Any) -> Any:
        scope = ACTIVE.scope
        asks = not kwargs and (len(args) == before or (args == (None,) and not in_parts))
        if not asks or scope is None or scope.virtual is None or not scope.governs(_getframe().f_back):
            return real(*args, **kwargs)  # which also says what is wrong with its arguments
        seconds = wall_ns_of(scope, scope.virtual) // SECOND
        return real(*args[:before], _localtime(seconds) if in_parts else seconds)

    return bind("time", real, at)


#: The wrappers, by the names of their functions in `time`.
WRAPPERS: dict[str, Any] = {
    name: _present(name, before)
    for name, before in (("localtime", 0), ("gmtime", 0), ("ctime", 0), ("asctime", 0), ("strftime", 1))
}
