"""What the audit events tell: the call that each announces, and how to make that call ourselves.

The arguments of the events are those of CPython's audit event table (Doc/library/audit_events.rst); a ``dir_fd`` that
was not given is -1 there.
"""

from __future__ import annotations

import os
from functools import partial
from stat import S_ISDIR
from typing import TYPE_CHECKING, Any

from pytest_fsfault._core.language.rows import Row
from pytest_fsfault._host.command_lines import listed
from pytest_fsfault._host.originals import ORIGINALS
from pytest_fsfault._intercept.calls.arguments import discard
from pytest_fsfault._intercept.calls.functions import EVENTS_ONLY, FUNCTIONS, InterceptedFunction

if TYPE_CHECKING:
    from collections.abc import Callable

_Args = tuple[Any, ...]
#: A function, the arguments that are given to it by place, and those by name.
_Call = tuple[InterceptedFunction, _Args, dict[str, Any]]

_BY_NAME = {(one.module, one.function): one for one in FUNCTIONS}


class Event(Row):
    """One audit event: what call it announces, and how that is made for a fault that comes after it."""

    call: Callable[[_Args], _Call]
    perform: Callable[[_Args], object]


def _directories(**numbers: Any) -> dict[str, int]:
    return {name: fd for name, fd in numbers.items() if isinstance(fd, int) and fd >= 0}


def _event(module: str, function: str, read: Callable[[_Args], tuple[_Args, dict[str, Any]]]) -> Event:
    def call(args: _Args) -> _Call:
        return (_BY_NAME[module, function], *read(args))

    return Event(call, partial(_perform, call))


def _perform(call: Callable[[_Args], _Call], args: _Args) -> None:
    function, given, names = call(args)
    result = ORIGINALS[function.module, function.function](*given, **names)
    discard(function.operation, result, ORIGINALS["os", "close"])


def _at(module: str, function: str, arguments: int, directory: int) -> Event:
    """Return an event that ends in a ``dir_fd``, behind so many arguments of the function."""
    return _event(module, function, lambda a: (a[:arguments], _directories(dir_fd=a[directory])))


def _plain(module: str, function: str, arguments: int | None = None) -> Event:
    return _event(module, function, lambda a: (a[:arguments], {}))


def _between(function: str) -> Event:
    return _event("os", function, lambda a: (a[:2], _directories(src_dir_fd=a[2], dst_dir_fd=a[3])))


def _times(args: _Args) -> tuple[_Args, dict[str, Any]]:
    named = {"ns": args[2]} if args[2] is not None else {"times": args[1]}
    return args[:1], {**named, **_directories(dir_fd=args[3])}


def _opened(args: _Args) -> _Call:
    """Return one of the two functions that share the event: `os.open` has no mode."""
    if args[1] is None:
        return _BY_NAME["os", "open"], (args[0], args[2]), {}
    return _BY_NAME["io", "open"], args[:2], {}


def _open(args: _Args) -> None:
    if args[1] is not None and "b" not in args[1]:
        args = (args[0], f"{args[1]}b", *args[2:])  # no encoding is told
    _perform(_opened, args)


def _unnamed(operation: str, find: Callable[[_Args], _Args], perform: Callable[[_Args], object]) -> Event:
    """Return the event of an operation that is not a function of the table."""
    function = InterceptedFunction("", operation, operation, "path")
    return Event(lambda args: (function, find(args), {}), perform)


def _is_directory(path: Any) -> bool:
    try:
        return S_ISDIR(ORIGINALS["os", "stat"](path).st_mode)
    except (OSError, ValueError):
        return False


def _program(args: _Args) -> _Args:
    """Return the path of the program that a process is to run, None if there is none.

    If the directory is none in which it is to start, return that, with a separator at its end.
    """
    if args[2] is not None and not _is_directory(args[2]):
        return (os.path.join(os.fsdecode(args[2]), ""),)
    executable = os.fsdecode(listed(args[1])[0] if args[0] is None else args[0])
    if os.path.dirname(executable):
        # The child looks for it from its own directory.
        return (os.path.join(os.fsdecode(args[2] or ""), executable),)
    for folder in os.get_exec_path(args[3]):
        candidate = os.path.join(folder, executable)
        try:
            ORIGINALS["os", "stat"](candidate)
        except (OSError, ValueError):
            continue
        return (candidate,)
    return (None,)


def _popen(args: _Args) -> None:
    import subprocess  # noqa: PLC0415  # the event comes from there: it is loaded

    process = subprocess.Popen(args[1], executable=args[0], cwd=args[2], env=args[3])  # noqa: S603
    process.kill()
    process.wait()


def _nothing(_args: _Args) -> None:
    """Do nothing: nothing stays of such a call."""


_MAPPING, _STARTING = EVENTS_ONLY.values()

#: A rename that is known to be a replacement, which overwrites on Windows: both raise one event.
REPLACEMENT = _between("replace")

#: The events by their names.
EVENTS = {
    "open": Event(_opened, _open),
    "os.rename": _between("rename"),
    "os.remove": _at("os", "remove", 1, 1),
    "os.rmdir": _at("os", "rmdir", 1, 1),
    "os.mkdir": _at("os", "mkdir", 2, 2),
    "os.chmod": _at("os", "chmod", 2, 2),
    "os.utime": _event("os", "utime", _times),
    "os.truncate": _plain("os", "truncate"),
    "os.link": _between("link"),
    "os.symlink": _at("os", "symlink", 2, 2),
    "os.chdir": _plain("os", "chdir"),
    "os.listdir": _plain("os", "listdir"),
    "os.scandir": _plain("os", "scandir"),
    "shutil.copyfile": _plain("shutil", "copyfile", 2),
    "shutil.copymode": _plain("shutil", "copymode", 2),
    "shutil.copystat": _plain("shutil", "copystat", 2),
    "shutil.copytree": _plain("shutil", "copytree", 2),
    "shutil.move": _plain("shutil", "move", 2),
    "shutil.rmtree": _plain("shutil", "rmtree", 1),
    "shutil.make_archive": _plain("shutil", "make_archive"),
    "shutil.unpack_archive": _plain("shutil", "unpack_archive"),
    "shutil.chown": _plain("shutil", "chown"),
    "mmap.__new__": _unnamed(_MAPPING, lambda args: args, _nothing),
    "subprocess.Popen": _unnamed(_STARTING, _program, _popen),
}
