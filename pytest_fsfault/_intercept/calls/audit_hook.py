"""The backstop: an audit hook (PEP 578) that meets the calls that got past the wrappers.

There is no way to remove a hook: this one is installed on first use, once per process, and is an inert look-up
while no session exists. It sees a call before it happens and can only refuse it: the outcome of the
call is not known to it.
"""

from __future__ import annotations

import os
import sys
import threading
from functools import partial
from typing import TYPE_CHECKING, Any

from pytest_fsfault._core.engine.counts import ends_text
from pytest_fsfault._core.engine.execution import execute_early_bound
from pytest_fsfault._core.engine.pending import Action
from pytest_fsfault._host.originals import ORIGINALS
from pytest_fsfault._host.package import PACKAGE
from pytest_fsfault._host.processes import note_start
from pytest_fsfault._intercept.calls.arguments import describe
from pytest_fsfault._intercept.calls.events import EVENTS, REPLACEMENT
from pytest_fsfault._intercept.calls.functions import EVENTS_ONLY
from pytest_fsfault._intercept.calls.outside import refuse_outside
from pytest_fsfault._intercept.calls.paths import REAL_PATHS
from pytest_fsfault._intercept.calls.state import UNANNOUNCED
from pytest_fsfault._intercept.calls.wrapper import WRAPPERS
from pytest_fsfault._intercept.patching.early_bound import which_of
from pytest_fsfault._intercept.patching.tracebacks import hide_frames
from pytest_fsfault._intercept.virtual_time import time_functions

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from pytest_fsfault._core.language.operations import Operation
    from pytest_fsfault._intercept.calls.state import InterceptState

_Args = tuple[Any, ...]
_listening: dict[str, _Listener] = {}
_installed = False


def _hook(event: str, args: _Args, find: Callable[[str], _Listener | None] = _listening.get) -> None:
    listener = find(event)
    if listener is not None:
        state = listener.state
        if state.hears_early:
            note_early(state, event, args)
        if args and args[0] is state.announced:  # `os.fork` tells nothing
            state.announced = UNANNOUNCED
        else:
            try:
                listener.on_event(args)
            except BaseException as error:
                hide_frames(error)
                raise


def note_early(state: InterceptState, event: str, args: _Args) -> None:
    """Note a call of the project before the first gate opens, as a rule in a fixture; or one in `paused()`."""
    site = state.callers.locate(sys._getframe(2))
    path = args[0] if args else None
    if site is None or not isinstance(path, (str, os.PathLike)):
        return
    names = ("os.rename", "os.replace") if event == "os.rename" else (_EARLY_NAMES.get(event, event),)
    told = dict.fromkeys(names, ends_text(REAL_PATHS.resolve(path)[0] or "", site))
    for noted in _aside(state):
        noted.update({**told, **noted})


def _aside(state: InterceptState) -> list[dict[str, str]]:
    """Return where such a call is noted: for the sessions that are paused, or for all."""
    seen = tuple(state.observed.items())
    return [one.paused for session, one in seen if session in state.paused] or [one.early for _, one in seen]


_EARLY_NAMES = {"mmap.__new__": "mmap.mmap"}
_hook.__cantrace__ = True  # type: ignore[attr-defined]  # else coverage goes blind while it runs


def activate(state: InterceptState) -> None:
    """Listen; install the hook if this process has none yet."""
    global _installed  # noqa: PLW0603  # an audit hook belongs to the process
    if not _installed:
        # Two of them would count a call twice: whether it is there says an event, also after an interruption.
        probe = _Probe(state, _PROBE)
        _listening[_PROBE] = probe
        sys.audit(_PROBE, probe)
        if not probe.heard:
            sys.addaudithook(_hook)
        _installed = True
    _listening.update(_listeners(state))


def deactivate() -> None:
    """Become an inert look-up again."""
    _listening.clear()


_PROBE = "pytest_fsfault.audit_hook"
_made: dict[str, _Listener] = {}
_BESIDE = ("os.chown", "os.setxattr", "os.removexattr", "sqlite3.connect", "socket.bind")
_MAPPINGS = ("mmap.__new__", "ctypes.dlopen", "import")
_STARTS = (
    "subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn", "os.system", "os.spawn", "_winapi.CreateProcess",
    "os.startfile/2",
)  # fmt: skip


def _listeners(state: InterceptState) -> dict[str, _Listener]:
    if not _made:
        made: dict[str, _Listener] = {}
        for event in {wrapper.event for wrapper in WRAPPERS.values() if wrapper.event} | set(EVENTS_ONLY):
            listener = _OpenListener if event == "open" else _Listener
            made[event] = listener(state, event)
        for event in (*_MAPPINGS, *_STARTS):
            made[event] = _ModelListener(state, event)
        for event in _BESIDE:
            made[event] = _GuardListener(state, event)
        _made.update(made)  # in one step: what an interruption left half done would be taken for the whole
    return _made


class _Listener:
    """What is done at one kind of audit event."""

    __slots__ = ("event", "memory", "state")

    def __init__(self, state: InterceptState, event: str) -> None:
        self.state = state
        self.event = event
        # Paths that need no decision are remembered by the wrapper of the operation's usual function.
        found = [w for w in WRAPPERS.values() if w.event == event and w.function.shape == "path"]
        self.memory = found[0] if found else None  # no generator: what interrupts its end would be lost

    def on_event(self, args: _Args) -> None:
        first = args[0]
        state = self.state
        if not state.live or state.works_for_us():
            return
        memory = self.memory
        if memory is not None and memory.fast_path is None and type(first) is str:
            watched = memory.undecided.get(first)
            if watched is None:
                watched = memory.classify(first)  # type: ignore[attr-defined]
            if watched is not None:
                memory.calls += watched
                return
        self.judge(args, _caller())

    def judge(self, args: _Args, frame: FrameType | None) -> None:
        """Ask the engines about a call that no wrapper has announced."""
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
        try:
            state.working[me] = sys._getframe()
            operation = self.operation(args, frame)
            if operation is not None:
                event = REPLACEMENT if operation.name == "os.replace" else EVENTS[self.event]
                perform = partial(event.perform, args)
                execute_early_bound(state.engines, operation, Action(perform))
        finally:
            state.working.pop(me, None)

    # Hot: each event of a file may need it, so that the steps stand in one function.
    def operation(self, args: _Args, frame: FrameType) -> Operation | None:
        """Return the operation that an event announces; None if it concerns no session."""
        asked = describe(*EVENTS[self.event].call(args), REAL_PATHS)
        if asked is None:
            return None
        ends = (end for end in (asked.path, asked.target) if end is not None)
        watched = any(map(self.state.watched, ends))
        site = self.state.callers.locate(frame) if watched or self.state.guarded else None
        if not watched and self.event in EVENTS_ONLY and self.state.callers.locate(frame):
            for engine in self.state.engines:
                if engine.gate and asked.path is not None:
                    engine.outside.setdefault(asked.name, asked.path)
        if site is None:
            return None
        if self.event == "os.rename":
            name = which_of(frame, _RENAMES)
            asked = asked._replace(name=name or "os.rename", doubtful=name is None)
        asked = asked._replace(call_site=site, early_bound=True)
        if self.state.guarded:
            # Whether an `os.utime` follows links its event does not tell.
            refuse_outside(self.state, asked, args[0], links=asked.name != "os.utime")
        return asked if watched else None


# One event for both: which function it was, only the caller's frame tells.
_RENAMES = {f"os.{name}": ORIGINALS["os", name] for name in ("rename", "replace")}


class _Probe(_Listener):
    """Notice that the hook is there."""

    __slots__ = ("heard",)

    def __init__(self, state: InterceptState, event: str) -> None:
        super().__init__(state, event)
        self.heard = False

    def on_event(self, args: _Args) -> None:
        del args
        self.heard = True


class _ModelListener(_Listener):
    """What a model cannot see by itself: a file may have been mapped into memory, or a child started."""

    __slots__ = ()

    # Hot: an audit hook hears every event of an interpreter, so that its tests stand in one function.
    def on_event(self, args: _Args) -> None:
        if self.event in _STARTS and self.state.live and not self.state.works_for_us():
            self._refuse_after_the_end(_caller())
            if self.event == "subprocess.Popen":
                note_start(_caller())
            self.state.starting(self.event, args, _caller())
        if self.event == "import" and time_functions.needs_cover(args[0]):
            time_functions.cover_on_import(args[0])
        for model in self.state.models:
            if self.event in _STARTS:
                model.forked()
            elif self.event != "import" or args[1] is not None:  # the file of an extension module
                model.mapped()
        if self.event in EVENTS_ONLY and self.state.live and not self.state.works_for_us():
            frame = _caller()
            if frame is not None and frame.f_code.co_name == "__new__" and _is_ours(frame):
                frame = frame.f_back  # who has called the class that stands for `mmap.mmap` under a model
            self.judge(args, frame)

    def _refuse_after_the_end(self, frame: FrameType | None) -> None:
        """Start no process once a crash has ended the code under test: a program that was killed starts none."""
        ended = [engine for engine in self.state.engines if engine.gate and engine.ended is not None]
        if ended and self.state.callers.locate(frame) is not None:
            ended[0].raise_if_ended()


class _GuardListener(_Listener):
    """Refuse changes of owners, extended attributes, databases and sockets outside the roots: they are no operations."""

    __slots__ = ()

    def on_event(self, args: _Args) -> None:
        if self.state.guarded:
            from pytest_fsfault._intercept.calls import beside  # noqa: PLC0415  # for who asks for it

            directory = {"dir_fd": args[3]} if self.event == "os.chown" and args[3] >= 0 else {}
            name, end = self.event.rpartition(".")[2], args[0]
            if name == "connect":
                end = beside.database(end)
            elif name == "bind":
                end = beside.named_socket(args[1])
            if end is not None:
                beside.refuse_beside(self.state, name, (end,), directory, _caller(), links=name == "connect")


class _OpenListener(_Listener):
    """`os.open` and the other ways to open a file share one event: the first has no mode."""

    __slots__ = ()

    def on_event(self, args: _Args) -> None:
        first = args[0]
        state = self.state
        if not state.live or state.works_for_us():
            return
        memory: Any = WRAPPERS["os" if args[1] is None else "io", "open"]
        if type(first) is str:
            watched = memory.undecided.get(first)
            if watched is None:
                watched = memory.classify(first)
            # Under a model a call that only reads is judged, too: the error of the host would not be translated.
            if watched is not None and not (watched and memory.fast_path is not None):
                memory.calls += watched
                return
        self.judge(args, _caller())


def _caller() -> FrameType | None:
    """Return, to who hears, the frame that has made the call; None if the interpreter itself opens its script."""
    try:
        return sys._getframe(3)
    except ValueError:
        return None


def _is_ours(frame: FrameType | None) -> bool:
    return frame is not None and frame.f_code.co_filename.startswith(PACKAGE)
