"""Do things as a whole, whatever is raised in between: by a part of them, or by a signal handler."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def run_all(*steps: Callable[[], object]) -> None:
    """Run every step, whatever one of them raises; raise the first exception at the end.

    A step that raises is done again, for it may have been interrupted: so a step must bear to be repeated.
    """
    raised: list[BaseException] = []
    for step in steps:
        try:
            step()
        except BaseException as error:  # noqa: BLE001  # raised below
            raised.append(error)
            with suppress(BaseException):
                step()
    if raised:
        raise raised[0]


def complete(step: Callable[[], object]) -> None:
    """Do a step; if it is interrupted, do it again before the exception goes on."""
    try:
        step()
    except BaseException:
        with suppress(BaseException):
            step()
        raise
