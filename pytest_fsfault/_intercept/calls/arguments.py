"""Read the arguments of a call: the operation that it asks for. The one reader for real, fake and audited calls."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol

from pytest_fsfault._core.language.operations import (
    O_TEMPORARY,
    OPERATIONS,
    Following,
    Operation,
    Temporary,
    flag_groups,
    open_groups,
)
from pytest_fsfault._core.language.rows import Row
from pytest_fsfault._intercept.patching.callers import is_named_temporary

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_fsfault._intercept.calls.functions import InterceptedFunction

    _Arguments = tuple[tuple[Any, ...], dict[str, Any]]


class Paths(Protocol):
    """How a file system, real or fake, reads the paths and descriptors that it is given."""

    knows_temporary: bool  # whether the files of `tempfile.NamedTemporaryFile` are told apart

    def resolve(self, path: Any, directory: int | None = None, /) -> tuple[str | None, Any]:
        """Return a path argument as an absolute path, None where there is none, and as an error shows it.

        Raise TypeError for an object that is not a path.
        """
        ...

    def absolute(self, text: str, base: str, /) -> str:
        """Return a path as seen from a directory."""
        ...

    def writes(self, descriptor: Any, /) -> bool:
        """Return whether a descriptor was opened for writing."""
        ...


class Ends(Row):
    """The one or two paths of a call: absolute, and as an error shows them."""

    path: str | None
    shown: Any = None
    target: str | None = None
    shown_target: Any = None


# Listings may leave their path out, or be given None: they mean the current directory then.
_LISTINGS = frozenset({"os.listdir", "os.scandir"})
# The argument after the path that says more about an operation: its place, and its name.
_DETAILS = {
    "os.open": (1, "flags"),
    "os.access": (1, "mode"),
    "os.chmod": (1, "mode"),
    "os.truncate": (1, "length"),
}
_OPENER = 7


def describe(
    function: InterceptedFunction, args: tuple[Any, ...], kwargs: dict[str, Any], paths: Paths
) -> Operation | None:
    """Return the operation that a call asks for; None for arguments that name no path.

    `args` hold the paths or descriptors by their places. What is wrong with arguments says the function itself.
    """
    try:
        ends = ends_of(function, args, kwargs, paths)
    except (TypeError, ValueError, AttributeError):
        return None
    if ends is None or ends.path is None:
        return None
    return operation_on(function, ends, args, kwargs, paths)


def ends_of(
    function: InterceptedFunction, args: tuple[Any, ...], kwargs: dict[str, Any], paths: Paths
) -> Ends | None:
    """Return the paths of a call; None if they are none to the function.

    Raises:
        TypeError: for an object that is not a path.

    """
    return _ENDS[function.shape](function, args, kwargs, paths)


def operation_on(
    function: InterceptedFunction,
    ends: Ends,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    paths: Paths,
    call_site: str = "",
) -> Operation:
    """Return the operation of a call whose paths are known."""
    name = function.operation
    groups, detail = OPERATIONS[name].groups, None
    if name in _DETAILED:
        detail = _detail(function, args, kwargs, paths)
        if name == "open":
            groups = open_groups(_argument(args, kwargs, 1, "mode", "r"))
        elif name == "os.open" and isinstance(detail, int):
            groups = flag_groups(detail)
    path, shown, target, shown_target = ends
    fields = name, path or "", target, groups, shown, shown_target, call_site, False, False, None, detail
    return tuple.__new__(Operation, fields)  # which is much faster than by the names of the fields


# Hot: each call below a root is described by it, so that the steps stand in one function.
def _detail(
    function: InterceptedFunction, args: tuple[Any, ...], kwargs: dict[str, Any], paths: Paths
) -> Any:
    """Return the mode, the flags or the length of a call; of a link, whether it is made for a directory.

    Of a descriptor that is closed or flushed, whether it was opened for writing.
    """
    name = function.operation
    if name in _OF_DESCRIPTORS:
        return _OF_DESCRIPTORS[name](args, paths)
    if name == "os.symlink":
        return bool(_argument(args, kwargs, 2, "target_is_directory", False))
    if name == "open":
        # What an opener does, it does by calls of its own.
        own = _argument(args, kwargs, _OPENER, "opener", None) is not None
        return None if own else _argument(args, kwargs, 1, "mode", "r")
    if name not in _DETAILS or function.function == "fchmod":
        return None
    found = _argument(args, kwargs, *_DETAILS[name], None)
    if name == "os.chmod" and kwargs.get("follow_symlinks") is True and type(found) is int:
        return Following(found)
    return _flags(found) if name == "os.open" and paths.knows_temporary else found


def _mapped(args: tuple[Any, ...], paths: Paths) -> tuple[int, int, bool] | None:
    """Return where a mapping ends in its file, with which access, and whether the file was opened for writing."""
    _, length, access, offset = args[:4]
    return length + offset, access, paths.writes(args[0])


def _writes(args: tuple[Any, ...], paths: Paths) -> bool:
    return paths.writes(args[0])


_OF_DESCRIPTORS: dict[str, Callable[[tuple[Any, ...], Paths], Any]] = {
    "os.close": _writes,
    "os.fsync": _writes,
    "mmap.mmap": _mapped,
}


# Which operations have more than their paths to tell.
_DETAILED = frozenset({*_DETAILS, *_OF_DESCRIPTORS, "os.symlink", "open"})


def _flags(flags: Any) -> Any:
    """Return the flags of an `os.open`, marked as those of a temporary file, if they are."""
    if not isinstance(flags, int):
        return flags
    new = flags & os.O_CREAT and flags & os.O_EXCL
    temporary = flags & O_TEMPORARY or (new and is_named_temporary(sys._getframe()))
    return Temporary(flags) if temporary else flags


def _argument(args: tuple[Any, ...], kwargs: dict[str, Any], place: int, name: str, default: Any) -> Any:
    return args[place] if place < len(args) else kwargs.get(name, default)


def _one_path(
    function: InterceptedFunction, args: tuple[Any, ...], kwargs: dict[str, Any], paths: Paths
) -> Ends:
    path = args[0] if args else None
    if path is None and function.operation in _LISTINGS:
        path = "."
    return Ends(*paths.resolve(path, kwargs.get("dir_fd")))


def _two_paths(
    function: InterceptedFunction, args: tuple[Any, ...], kwargs: dict[str, Any], paths: Paths
) -> Ends | None:
    src, dst = args[:2]
    if isinstance(src, int) or isinstance(dst, int):
        return None  # refused by the function itself
    target = paths.resolve(dst, kwargs.get("dst_dir_fd", kwargs.get("dir_fd")))
    if function.operation != "os.symlink":
        source = paths.resolve(src, kwargs.get("src_dir_fd"))
    else:  # which is text, and read from where the link stands
        shown = os.fspath(src)
        source = _beside(os.fsdecode(shown), target[0] or "/", paths), shown
    if source[0] is None or target[0] is None:
        return None
    return Ends(*source, *target)


def _beside(text: str, link: str, paths: Paths) -> str | None:
    return None if "\0" in text else paths.absolute(text, f"{link.rpartition('/')[0]}/")


def _descriptors(
    function: InterceptedFunction, args: tuple[Any, ...], kwargs: dict[str, Any], paths: Paths
) -> Ends | None:
    del kwargs
    source, target = args[0], None
    if function.shape == "two descriptors":
        # sendfile names the receiver first, copy_file_range the source.
        source, target = (args[1], args[0]) if function.function == "sendfile" else args[:2]
    path = paths.resolve(source)[0] if isinstance(source, int) else None
    end = paths.resolve(target)[0] if isinstance(target, int) else None
    return None if path is None and end is None else Ends(path or "", None, end)


def _opened(
    function: InterceptedFunction, args: tuple[Any, ...], kwargs: dict[str, Any], paths: Paths
) -> Ends | None:
    del function, kwargs
    # A descriptor is open already.
    return None if isinstance(args[0], int) else Ends(*paths.resolve(args[0]))


_ENDS: dict[str, Callable[..., Ends | None]] = {
    "path": _one_path,
    "two paths": _two_paths,
    "open": _opened,
    "descriptor": _descriptors,
    "two descriptors": _descriptors,
}


def by_position(names: tuple[str, ...], args: tuple[Any, ...], kwargs: dict[str, Any]) -> _Arguments:
    """Return arguments with those of the first `names` in their places, as far as they are given."""
    for name in names[len(args) :]:
        if name not in kwargs:
            break
        kwargs = dict(kwargs)
        args = (*args, kwargs.pop(name))
    return args, kwargs


def relocated(
    asked: Operation,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    path: str,
    target: str | None,
    spell: Callable[[str], str] = str,
) -> _Arguments:
    """Return the arguments of the same call on the paths that a model has found; `spell` writes a path.

    A path stays as it was passed if that is where it is.
    """
    places = []
    if asked.name != "os.symlink":  # whose source is text, which is not resolved
        places.append((0, asked.shown, asked.path, path))
    if asked.target is not None:
        places.append((1, asked.shown_target, asked.target, target or asked.target))
    changed = list(args)
    for place, shown, there, found in places:
        if not isinstance(shown, (str, bytes)) or (found == there and _is_normal(os.fsdecode(shown))):
            continue
        text = spell(found)
        changed[place : place + 1] = [os.fsencode(text) if isinstance(shown, bytes) else text]
    return tuple(changed), _without_directories(kwargs)


def _without_directories(kwargs: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of a call whose paths are absolute: such a path needs no directory."""
    return {name: value for name, value in kwargs.items() if not name.endswith("dir_fd")}


def _is_normal(text: str) -> bool:
    text = text.replace("\\", "/")
    return text[:2] != "//" and "/." not in text and text[-1:] != "/"


def discard(operation: str, result: Any, close: Callable[[int], object]) -> None:
    """Give back what a call produced whose caller never sees it; `close` closes a descriptor."""
    if operation == "os.open":
        close(result)
    elif operation in {"os.scandir", "open"}:
        result.close()


#: Where a transfer has its amount: a number of bytes, a buffer, or a sequence of buffers.
_AMOUNTS = {
    **dict.fromkeys(
        ("read", "pread", "readv", "readinto", "preadv", "write", "pwrite", "writev", "pwritev"), 1
    ),
    "copy_file_range": 2,
    "sendfile": 3,
}


def cut_short(function: str, args: tuple[Any, ...], kwargs: dict[str, Any], size: int) -> _Arguments:
    """Return the arguments for a transfer of at most `size` bytes; what does not fit stays as it is."""
    position = _AMOUNTS[function]
    with suppress(TypeError, ValueError):
        if position < len(args):
            args = (*args[:position], shortened(args[position], size), *args[position + 1 :])
        elif "count" in kwargs:
            kwargs = {**kwargs, "count": min(kwargs["count"], size)}
    return args, kwargs


def shortened(amount: Any, size: int) -> Any:
    """Return a number of bytes, a buffer or a sequence of buffers, cut to `size` bytes."""
    if isinstance(amount, int):
        return min(amount, size)
    if not isinstance(amount, (list, tuple)):
        return bytes_of(amount)[:size]
    kept = []
    for buffer in amount:
        kept.append(bytes_of(buffer)[:size])
        size -= len(kept[-1])
    return kept


def bytes_of(buffer: Any) -> memoryview:
    """Return a view of the bytes of a buffer, which may be one of larger items, and empty.

    Raises:
        TypeError: for anything but a buffer.

    """
    view = memoryview(buffer)
    return view.cast("B") if view.nbytes else memoryview(b"")
