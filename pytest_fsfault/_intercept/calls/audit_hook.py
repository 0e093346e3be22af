"""The backstop: an audit hook (PEP 578) that meets the calls that got past the wrappers.

A hook cannot be removed: this one is installed on first use, once per process, and is an inert look-up
while no session exists. It sees a call before it happens and can only refuse it: what the call does
afterwards, nobody tells.
"""

from __future__ import annotations

import os
import sys
import threading
from functools import partial
from typing import TYPE_CHECKING, Any

from pytest_fsfault._core.engine.execution import Action, execute_early_bound
from pytest_fsfault._core.language.operations import OPERATIONS, Operation, flag_groups, open_groups
from pytest_fsfault._host.originals import ORIGINALS
from pytest_fsfault._host.package import PACKAGE
from pytest_fsfault._intercept.calls.functions import EVENTS_ONLY
from pytest_fsfault._intercept.calls.one_path import told_flags
from pytest_fsfault._intercept.calls.state import UNANNOUNCED, resolve
from pytest_fsfault._intercept.calls.wrapper import WRAPPERS
from pytest_fsfault._intercept.patching.early_bound import reachable
from pytest_fsfault._intercept.virtual_time import time_functions

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from pytest_fsfault._intercept.calls.state import InterceptState

# pytest leaves the frames of this module out of tracebacks: they are not the user's.
__tracebackhide__ = True

_Args = tuple[Any, ...]
_listening: dict[str, _Listener] = {}
_installed = False
_OURS = PACKAGE + "_intercept" + os.sep


def _hook(event: str, args: _Args, find: Callable[[str], _Listener | None] = _listening.get) -> None:
    listener = find(event)
    if listener is not None:
        if args and args[0] is listener.state.announced:  # `os.fork` tells nothing
            listener.state.announced = UNANNOUNCED
        else:
            __tracebackhide__ = True
            listener.on_event(args)


_hook.__cantrace__ = True  # type: ignore[attr-defined]  # else coverage goes blind while it runs


def activate(state: InterceptState) -> None:
    """Listen; install the hook if this process has none yet."""
    global _installed  # noqa: PLW0603  # an audit hook belongs to the process
    _listening.update(_listeners(state))
    if not _installed:
        sys.addaudithook(_hook)
        _installed = True


def deactivate() -> None:
    """Become an inert look-up again."""
    _listening.clear()


def replay_event(event: str, args: _Args, frame: FrameType) -> None:
    """Judge a call whose event was heard by somebody else, before this hook was there."""
    __tracebackhide__ = True
    listener = _listening.get(event)
    if listener is not None and listener.state.live:
        listener.judge(args, frame)


_made: dict[str, _Listener] = {}
_MAPPINGS = ("mmap.__new__", "ctypes.dlopen", "import")
_STARTS = ("subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn", "os.system")


def _listeners(state: InterceptState) -> dict[str, _Listener]:
    if not _made:
        for event in {wrapper.event for wrapper in WRAPPERS.values() if wrapper.event} | set(EVENTS_ONLY):
            listener = _OpenListener if event == "open" else _Listener
            _made[event] = listener(state, event)
        for event in (*_MAPPINGS, *_STARTS):
            _made[event] = _ModelListener(state, event)
    return _made


class _Listener:
    """What is done at one kind of audit event."""

    __slots__ = ("event", "memory", "state")

    def __init__(self, state: InterceptState, event: str) -> None:
        self.state = state
        self.event = event
        # Paths that need no decision are remembered by the wrapper of the operation's usual function.
        self.memory = next((w for w in WRAPPERS.values() if w.event == event and w.shape == "path"), None)

    def on_event(self, args: _Args) -> None:
        first = args[0]
        state = self.state
        if not state.live or threading.get_ident() in state.own_threads:
            return
        memory = self.memory
        if memory is not None and memory.fast_path is None and type(first) is str:
            watched = memory.quiet.get(first)
            if watched is None:
                watched = memory.visit(first)  # type: ignore[attr-defined]
            if watched is not None:
                memory.calls += watched
                return
        __tracebackhide__ = True
        self.judge(args, _caller())

    def judge(self, args: _Args, frame: FrameType | None) -> None:
        """Ask the engines about a call that no wrapper has announced."""
        __tracebackhide__ = True
        if frame is None:
            return
        if type(args[0]) is int and args[0] == self.state.announced:
            self.state.announced = UNANNOUNCED  # a descriptor that C has made a new number of
            return
        if _is_ours(frame):
            return  # a wrapper's call: another thread has announced its own before this one was heard
        if self.event.startswith("shutil.") and _is_ours(frame.f_back):
            return  # one of shutil's functions, called by its wrapper
        me = threading.get_ident()
        state = self.state
        state.own_threads.add(me)
        try:
            operation = self.operation(args, frame)
            if operation is not None:
                execute_early_bound(state.engines, operation, Action(partial(_PERFORM[self.event], args)))
        finally:
            state.own_threads.discard(me)

    def operation(self, args: _Args, frame: FrameType | None) -> Operation | None:
        """Return the operation that an event announces; None if it is nobody's business."""
        name = _NAMES.get(self.event, self.event)
        if self.event == "open":
            if isinstance(args[0], int):
                return None
            name = "os.open" if args[1] is None else "open"
        try:
            (path, shown), (target, shown_target) = _PATHS.get(self.event, _one_path)(args)
        except (TypeError, ValueError, AttributeError):
            return None  # arguments that are no paths: the call itself says so
        watched = [end for end in (path, target) if end is not None and self.state.watched(end)]
        site = self.state.callers.locate(frame) if watched else None
        if path is None or site is None:
            return None
        doubtful = False
        if self.event == "os.rename":
            name, doubtful = _rename_or_replace(frame)
        groups = _open_groups(args) if self.event == "open" else OPERATIONS[name].groups
        return Operation(
            name, path, target, groups, shown, shown_target, site, early_bound=True, doubtful=doubtful,
            detail=_detail(self.event, args),
        )  # fmt: skip


class _ModelListener(_Listener):
    """What a model cannot see by itself: a file may have been mapped into memory, or a child started."""

    __slots__ = ()

    def on_event(self, args: _Args) -> None:
        if self.event in _STARTS and self.state.live and threading.get_ident() not in self.state.own_threads:
            __tracebackhide__ = True
            self._refuse_after_the_end(_caller())
            self.state.starting(self.event, args, _caller())
        if self.event == "import" and time_functions.needs_cover(args[0]):
            time_functions.cover_on_import(args[0])
        model = self.state.model
        if model is not None:
            if self.event in _STARTS:
                model.forked()
            elif self.event != "import" or args[1] is not None:  # the file of an extension module
                model.mapped()
        if (
            self.event in EVENTS_ONLY
            and self.state.live
            and threading.get_ident() not in self.state.own_threads
        ):
            __tracebackhide__ = True
            self.judge(args, _caller())

    def _refuse_after_the_end(self, frame: FrameType | None) -> None:
        """Start no process once a crash has ended the code under test: nobody is there to start one."""
        __tracebackhide__ = True
        ended = [engine for engine in self.state.engines if engine.gate and engine.ended is not None]
        if ended and self.state.callers.locate(frame) is not None:
            ended[0].raise_if_ended()


class _OpenListener(_Listener):
    """`os.open` and the other ways to open a file share one event: the first has no mode."""

    __slots__ = ()

    def on_event(self, args: _Args) -> None:
        first = args[0]
        state = self.state
        if not state.live or threading.get_ident() in state.own_threads:
            return
        memory: Any = WRAPPERS["os" if args[1] is None else "io", "open"]
        if type(first) is str:
            watched = memory.quiet.get(first)
            if watched is None:
                watched = memory.visit(first)
            # Under a model a call that only reads is judged, too: nobody translates the host's own error.
            if watched is not None and not (watched and memory.fast_path is not None):
                memory.calls += watched
                return
        __tracebackhide__ = True
        self.judge(args, _caller())


def _caller() -> FrameType | None:
    """Return, to who hears, the frame that has made the call; None if the interpreter itself opens its script."""
    try:
        return sys._getframe(3)
    except ValueError:
        return None


def _is_ours(frame: FrameType | None) -> bool:
    return frame is not None and frame.f_code.co_filename.startswith(_OURS)


def _open_groups(args: _Args) -> frozenset[str]:
    return flag_groups(args[2]) if args[1] is None else open_groups(args[1])


def _detail(event: str, args: _Args) -> Any:
    """Return the mode, the flags or the length that an event tells."""
    if event == "open":
        return told_flags(args[2]) if args[1] is None else args[1]
    return args[1] if event in {"os.chmod", "os.truncate"} else None


def _rename_or_replace(frame: FrameType | None) -> tuple[str, bool]:
    """Tell from the caller's names which function it called; else say that it is in doubt."""
    functions = {name: ORIGINALS["os", name] for name in ("rename", "replace")}
    found = [name for name, function in functions.items() if frame is not None and reachable(frame, function)]
    return (f"os.{found[0]}", False) if len(found) == 1 else ("os.rename", True)


_Ends = tuple[tuple[str | None, Any], tuple[str | None, Any]]
_NO_TARGET = (None, None)


def _fd(number: Any) -> int | None:
    return number if isinstance(number, int) and number >= 0 else None


def _one_path(args: _Args) -> _Ends:
    return resolve("." if args[0] is None else args[0]), _NO_TARGET


def _path_at(position: int) -> Callable[[_Args], _Ends]:
    return lambda args: (resolve(args[0], _fd(args[position])), _NO_TARGET)


def _two_paths(args: _Args) -> _Ends:
    directories = (_fd(args[2]), _fd(args[3])) if len(args) > 3 else (None, None)  # noqa: PLR2004
    return resolve(args[0], directories[0]), resolve(args[1], directories[1])


def _link(args: _Args) -> _Ends:
    """Return the ends of a symbolic link; its source is read from where the link stands."""
    link = resolve(args[1], _fd(args[2]))
    beside = os.path.join(os.path.dirname(link[0] or os.sep), os.fsdecode(args[0]))
    return (resolve(beside)[0], os.fspath(args[0])), link


def _program(args: _Args) -> _Ends:
    executable = os.fsdecode(args[0])
    if os.path.dirname(executable):
        # The child looks for it from its own directory.
        return resolve(os.path.join(os.fsdecode(args[2] or ""), executable)), _NO_TARGET
    for folder in os.get_exec_path(args[3]):
        candidate = os.path.join(folder, executable)
        try:
            ORIGINALS["os", "stat"](candidate)
        except (OSError, ValueError):
            continue
        return resolve(candidate), _NO_TARGET
    return _NO_TARGET, _NO_TARGET


_NAMES = {**EVENTS_ONLY}
_PATHS: dict[str, Callable[[_Args], _Ends]] = {
    "os.rename": _two_paths,
    "os.link": _two_paths,
    "os.symlink": _link,
    "os.remove": _path_at(1),
    "os.rmdir": _path_at(1),
    "os.mkdir": _path_at(2),
    "os.chmod": _path_at(2),
    "os.utime": _path_at(3),
    "subprocess.Popen": _program,
    **dict.fromkeys(
        ("shutil.copyfile", "shutil.copytree", "shutil.copystat", "shutil.copymode", "shutil.move"),
        lambda args: (resolve(args[0]), resolve(args[1])),
    ),
}


def _dirs(**numbers: Any) -> dict[str, int]:
    return {name: number for name, number in numbers.items() if _fd(number) is not None}


def _open(args: _Args) -> None:
    if args[1] is None:
        ORIGINALS["os", "close"](ORIGINALS["os", "open"](args[0], args[2]))
    else:
        ORIGINALS["io", "open"](args[0], args[1] if "b" in args[1] else args[1] + "b").close()


def _popen(args: _Args) -> None:
    import subprocess  # noqa: PLC0415  # the event comes from there: it is loaded

    process = subprocess.Popen(args[1], executable=args[0], cwd=args[2], env=args[3])  # noqa: S603
    process.kill()
    process.wait()


def _real(module: str, name: str) -> Any:
    return ORIGINALS.get((module, name))


#: How to do the announced call ourselves, for a fault that comes after it.
_PERFORM: dict[str, Callable[[_Args], Any]] = {
    "open": _open,
    "os.rename": lambda a: _real("os", "replace")(a[0], a[1], **_dirs(src_dir_fd=a[2], dst_dir_fd=a[3])),
    "os.remove": lambda a: _real("os", "remove")(a[0], **_dirs(dir_fd=a[1])),
    "os.rmdir": lambda a: _real("os", "rmdir")(a[0], **_dirs(dir_fd=a[1])),
    "os.mkdir": lambda a: _real("os", "mkdir")(a[0], a[1], **_dirs(dir_fd=a[2])),
    "os.chmod": lambda a: _real("os", "chmod")(a[0], a[1], **_dirs(dir_fd=a[2])),
    "os.utime": lambda a: _real("os", "utime")(
        a[0], **({"ns": a[2]} if a[2] is not None else {"times": a[1]}), **_dirs(dir_fd=a[3])
    ),
    "os.truncate": lambda a: _real("os", "truncate")(a[0], a[1]),
    "os.link": lambda a: _real("os", "link")(a[0], a[1], **_dirs(src_dir_fd=a[2], dst_dir_fd=a[3])),
    "os.symlink": lambda a: _real("os", "symlink")(a[0], a[1], **_dirs(dir_fd=a[2])),
    "os.chdir": lambda a: _real("os", "chdir")(a[0]),
    "os.listdir": lambda _a: None,  # nothing stays of it
    "os.scandir": lambda _a: None,
    "mmap.__new__": lambda _a: None,
    "subprocess.Popen": _popen,
    "shutil.copyfile": lambda a: _real("shutil", "copyfile")(*a[:2]),
    "shutil.copymode": lambda a: _real("shutil", "copymode")(*a[:2]),
    "shutil.copystat": lambda a: _real("shutil", "copystat")(*a[:2]),
    "shutil.copytree": lambda a: _real("shutil", "copytree")(*a[:2]),
    "shutil.move": lambda a: _real("shutil", "move")(*a[:2]),
    "shutil.rmtree": lambda a: _real("shutil", "rmtree")(a[0]),
    "shutil.make_archive": lambda a: _real("shutil", "make_archive")(*a),
    "shutil.unpack_archive": lambda a: _real("shutil", "unpack_archive")(*a),
    "shutil.chown": lambda a: _real("shutil", "chown")(*a),
}
