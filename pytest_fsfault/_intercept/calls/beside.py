"""Functions that are no operations and change files all the same: refused outside the roots, where a session asks for it.

They are exchanged in `os` while such a session acts. The audit hook meets owners and extended attributes however their
functions were bound; whether a link is followed its events do not tell. It meets as well what C opens to write and tells
of: databases of SQLite, and sockets that get a name.
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
    "bind": ("open", 0),
    "connect": ("open", 0),
}
_NAMES = ("path", "dst", "fd")
_MAKING = os.O_CREAT | os.O_EXCL | os.O_WRONLY
_WRITING = os.O_CREAT | os.O_RDWR


def patches(state: InterceptState) -> Iterator[tuple[dict[str, Any], str, Any]]:
    """Yield where they stand, their names, and what stands there while changes outside the roots are refused."""
    for name in _LIKE:
        real = getattr(os, name, None)  # some are no functions of `os`
        if real is not None:
            yield os.__dict__, name, bind("os", real, _guarded(state, name, real))


def _guarded(state: InterceptState, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
    def call(_home: object, *args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        try:
            refuse_beside(state, name, args, kwargs, sys._getframe().f_back)
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
    flags = _WRITING if name == "connect" else _MAKING if like == "open" else 0
    return describe(row, (end, flags), {} if directory is None else {"dir_fd": directory}, REAL_PATHS)


def database(name: Any) -> str | None:
    """Return the file that `sqlite3.connect` opens to write; None for one that it only reads, or that has no file.

    A name may be a URI, https://www.sqlite.org/uri.html. That the file is written afterwards no event tells.
    """
    try:
        path = os.fsdecode(name)
    except TypeError:
        return None
    if path.startswith("file:"):
        from urllib.parse import parse_qs, unquote, urlsplit  # noqa: PLC0415  # for who has one

        parts = urlsplit(path)
        query = parse_qs(parts.query)
        if query.get("mode", [""])[-1] in ("ro", "memory") or query.get("immutable", ["0"])[-1] == "1":
            return None
        path = unquote(parts.path)
    return None if path in ("", ":memory:") else path


def named_socket(address: Any) -> str | bytes | None:
    """Return the path at which `socket.bind` makes a socket, unix(7); None for any other address."""
    if not isinstance(address, (str, bytes)) or address[:1] in ("", b"", "\0", b"\0"):
        return None
    return address
