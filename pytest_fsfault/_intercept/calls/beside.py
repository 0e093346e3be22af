"""Functions that are no operations and change files all the same: refused outside the roots, where a session asks for it.

They are exchanged in `os` while such a session acts. The audit hook meets owners and extended attributes however their
functions were bound; whether a link is followed its events do not tell.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from pytest_fsfault._intercept.calls.arguments import describe
from pytest_fsfault._intercept.calls.functions import FUNCTIONS, InterceptedFunction
from pytest_fsfault._intercept.calls.outside import refuse_outside
from pytest_fsfault._intercept.calls.paths import REAL_PATHS
from pytest_fsfault._intercept.patching.patches import bind
from pytest_fsfault._intercept.patching.tracebacks import hide_frames

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from pytest_fsfault._core.language.operations import Operation
    from pytest_fsfault._intercept.calls.state import InterceptState

_BY_NAME = {one.function: one for one in FUNCTIONS if one.module == "os"}
# By function: which operation is like it, and the place of the path or descriptor that it changes.
_LIKE = {
    "chown": ("chmod", 0),
    "lchown": ("chmod", 0),
    "fchown": ("fchmod", 0),
    "setxattr": ("chmod", 0),
    "removexattr": ("chmod", 0),
    "mkfifo": ("open", 0),
    "mknod": ("open", 0),
    "posix_fallocate": ("write", 0),
    "splice": ("write", 1),
}
_NAMES = ("path", "dst", "fd")
_MAKING = os.O_CREAT | os.O_EXCL | os.O_WRONLY


def patches(state: InterceptState) -> Iterator[tuple[dict[str, Any], str, Any]]:
    """Yield where they stand, their names, and what stands there while changes outside the roots are refused."""
    for name in _LIKE:
        real = getattr(os, name, None)
        if real is not None:
            yield os.__dict__, name, bind("os", real, _guarded(state, name, real))


def _guarded(state: InterceptState, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
    def call(_home: object, *args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        try:
            refuse_beside(state, name, args, kwargs, sys._getframe(1))
        except OSError as error:
            hide_frames(error)
            raise
        return real(*args, **kwargs)

    return call


def refuse_beside(
    state: InterceptState,
    name: str,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    frame: FrameType | None,
    *,
    links: bool | None = None,
) -> None:
    """Raise PermissionError (EACCES) for a call that would change something outside the roots.

    `links` tells whether it follows links, unless its arguments do.
    """
    if not (state.live and state.guarded) or state.works_for_us():
        return
    site = state.callers.locate(frame)
    end = _changed(name, args, kwargs)
    directory = kwargs.get("dir_fd")
    asked = None if site is None else _described(name, end, directory)
    if site is None or asked is None:
        return
    if links is None:
        links = bool(kwargs.get("follow_symlinks", True)) and name != "lchown"
    asked = asked._replace(call_site=site)
    descriptor = end if type(end) is int else None
    refuse_outside(state, asked, descriptor, links=links, directories=(directory, None))


def _changed(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Return the path or the descriptor that a call would change; None if it names none."""
    place = _LIKE[name][1]
    return args[place] if len(args) > place else next((kwargs[one] for one in _NAMES if one in kwargs), None)


def _described(name: str, end: Any, directory: int | None) -> Operation | None:
    """Return the operation that is like the call, None for arguments that are none."""
    like = _LIKE[name][0]
    row: InterceptedFunction = _BY_NAME[like]
    given = (end, _MAKING if like == "open" else 0)
    return describe(row, given, {} if directory is None else {"dir_fd": directory}, REAL_PATHS)
