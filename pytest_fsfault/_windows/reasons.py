"""Say who is in the way of a call, as one would on a whiteboard."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_fsfault._windows.holders.holds import Hold
    from pytest_fsfault._windows.sharing import Opening

    #: What else is open and in the way of a call; looked at only where the first one ends by itself.
    Rest = Iterable[tuple[Opening, Hold | None]]


def explain(name: str, opening: Opening, hold: Hold | None, now: float, rest: Rest) -> str:
    """Return who has a file of this name open; `now` is virtual time in seconds.

    Of a hold that ends by itself also which program of the test is in the way: there waiting is not enough.
    """
    if hold is None:
        return _told(name, opening)
    text = hold.explain(now)
    real = None if hold.endless else next((one for one, other in rest if other is None), None)
    return text if real is None else f"{text}; also {_told(real.path.rpartition('/')[2] or name, real)}"


def _told(name: str, opening: Opening) -> str:
    return opening.who if name in opening.who else f"{name}: {opening.who}"
