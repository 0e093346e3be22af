"""Attach this process to its parent's sessions until the parent closes them."""

from __future__ import annotations

import atexit
import os
import sys
from _thread import get_ident
from contextlib import suppress
from time import monotonic_ns
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol

from pytest_fsfault._core.clock import RealClock
from pytest_fsfault._core.engine.endings import RetryStorm, SimulatedCrash
from pytest_fsfault._intercept.children.child.connection import Client, ParentGone, Unreachable
from pytest_fsfault._intercept.children.child.remote_clock import RemoteClock
from pytest_fsfault._intercept.children.child.remote_engine import RemoteSessions
from pytest_fsfault._intercept.children.protocol import SAYS_WHEN_ATTACHED
from pytest_fsfault._intercept.children.rendezvous import (
    is_filtered,
    is_of_a_handler,
    is_private,
    report_failure,
)
from pytest_fsfault._intercept.children.shared_page import SharedState
from pytest_fsfault._intercept.patching.patches import Patch, bind
from pytest_fsfault._intercept.virtual_time.threads import ThreadActivity

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from types import FrameType

    from pytest_fsfault._core.engine.interfaces import Sessions
    from pytest_fsfault._intercept.calls.state import InterceptState
    from pytest_fsfault._intercept.children.message_log import LogWriter
    from pytest_fsfault._intercept.patching.callers import Callers


class Attachable(Protocol):
    """What an attachment needs of the patching of its process."""

    state: InterceptState
    callers: Callers

    def own_work(self) -> AbstractContextManager[None]:
        """Let the calling thread work for us in the block."""
        ...

    def attach(self, engine: Sessions, patches: list[Patch]) -> None:
        """Put the sessions of the parent in force, and patches in place with them."""

    def become_child(self, directory: str) -> None:
        """Forget the sessions in a forked child, and attach it."""

    def refresh(self) -> None:
        """Record that rules, roots or gates have changed."""

    def stop(self, engine: Sessions, *, lost: bool) -> None:
        """Forget the sessions of the parent."""


class RemoteRealClock(RealClock):
    """Real time since the start of the parent's session."""

    def __init__(self, client: Client, now: int) -> None:
        super().__init__()
        self._start = monotonic_ns() - now
        self._client = client

    def note(self, began: int, span: int) -> None:
        """Record a wait that was sat out."""
        super().note(began, span)
        with suppress(ParentGone):
            self._client.ask("slept", began, span)


class Attachment:
    """The connection of this process to its parent's sessions."""

    def __init__(self, interceptor: Attachable, directory: str) -> None:
        self._interceptor = interceptor
        self._directory = directory
        self._shared = SharedState(directory)
        self._client = Client(directory)
        _, virtual, epoch, machinery, now = self._client.ask("hello")
        clock: Any
        if virtual:
            clock = RemoteClock(ThreadActivity(), self._client, self._shared)
            clock.epoch = epoch
        else:
            clock = RemoteRealClock(self._client, now)
        interceptor.callers.add_machinery(machinery)
        self.engine = RemoteSessions(
            self._client, interceptor.callers, clock, self, interceptor.state.drain_counts
        )
        self._following = 0  # the thread that fetches the rules
        self._generation = self.engine.follow(self._client.ask("rules"))

    def say_attached(self) -> None:
        """Let the parent know that from now on this process rests where it does nothing."""
        with self._interceptor.own_work(), suppress(ParentGone):
            self._client.ask("attached")

    def starting(self, event: str, args: tuple[Any, ...], frame: FrameType | None) -> None:
        """Report a process that is about to start."""
        site = self._interceptor.callers.locate(frame)
        if site is not None:
            from pytest_fsfault._intercept.children.parent.started import started  # noqa: PLC0415  # for who starts one

            found = started(event, args, site, frame)
            if found is not None:
                self.engine.ask("start", *found)

    def changed(self) -> bool:
        """Return whether the parent's rules, roots or gates are others than those that are known here."""
        cells = self._shared.cells
        return cells[1] != self._generation or not cells[0]

    def follow(self) -> None:
        """Fetch the rules in force."""
        if self._following == get_ident():
            return
        self._following = get_ident()
        try:
            if not self._shared.alive:
                self.leave()
                return
            answer = self.engine.ask("rules")
            if answer[0] == "rules":
                generation = self.engine.follow(answer)
                self._interceptor.refresh()
                # Last: whatever interrupts this, the next call does it again.
                self._generation = generation
        finally:
            self._following = 0

    def is_open(self) -> bool:
        """Return whether the parent still answers."""
        return _attachment is self and self._shared.alive

    def successor(self, engine: RemoteSessions) -> RemoteSessions | None:
        """Return the sessions that have taken the place of `engine`, in a process forked since."""
        attachment = _attachment
        return None if attachment is None or attachment.engine is engine else attachment.engine

    def open_log(self) -> LogWriter | None:
        """Return the log by which this process tells its parent; None if there can be none."""
        from pytest_fsfault._intercept.children.message_log import LogWriter  # noqa: PLC0415  # for who has to tell

        with self._interceptor.own_work(), suppress(OSError):
            return LogWriter(self._directory)
        return None

    def sever(self) -> None:
        """In a forked child: give up the connections and the log, which are those of the parent process."""
        self._client.sever()
        self.engine.sever()

    def leave(self) -> None:
        """Detach: no fault acts in this process from now on."""
        global _attachment  # noqa: PLW0603  # a process has one parent
        if _attachment is self:
            _attachment = None
            self.engine.gate = False
            self._interceptor.state.attached = None
            self._interceptor.stop(self.engine, lost=False)

    def close(self) -> None:
        """End the connections."""
        self._client.close()

    def tell(self) -> None:
        """Send what is still unreported when this process ends."""
        if _attachment is self:
            if _END.__name__ in sys.modules:
                sys.modules[_END.__name__] = sys.modules.pop(
                    _END.__name__
                )  # the last, which is emptied first
            with suppress(BaseException):
                self.engine.tell_counts()


_attachment: Attachment | None = None


class _End:
    """Detaches this process when the interpreter begins to empty its modules.

    Finalisers run then, and `os` is emptied late: they are to meet the original functions, not ours that are half empty.
    Not under a model, which has to hear of each file that is closed.
    """

    def __del__(self) -> None:
        with suppress(BaseException):  # nothing can be imported any more
            attachment = _attachment
            if attachment is not None and attachment.engine.ended is None and attachment.engine.model is None:
                attachment.leave()
                attachment.close()  # the clock is not to wait for it as for one that shares it


# CPython empties what is left of `sys.modules` in reverse order (finalize_modules in Python/pylifecycle.c).
_END = ModuleType(f"{__name__}.end")


class ParentLiveness:
    """The answer to `live` in an attached process: first it looks for changes in the parent."""

    def __init__(self) -> None:
        self.value = False

    def __bool__(self) -> bool:
        attachment = _attachment
        if attachment is not None and attachment.changed():
            attachment.follow()
        return self.value


def attach(interceptor: Attachable, directory: str) -> bool:
    """Attach to the process that answers in `directory`; return whether there is one.

    Raises:
        OSError, Unreachable: if there is one, to which this process is not attached now.

    """
    global _attachment  # noqa: PLW0603  # a process has one parent
    with interceptor.own_work():
        try:
            attachment = Attachment(interceptor, directory)
        except (OSError, Unreachable):
            if is_private(directory):
                raise
            return False
        except (ValueError, TypeError, LookupError, ParentGone, SimulatedCrash, RetryStorm):
            return False
    _hook(interceptor, directory)
    interceptor.state.attached = ParentLiveness()
    _attachment = attachment
    try:
        interceptor.state.starting = attachment.starting
        interceptor.attach(attachment.engine, _endings())
        if sys.platform == "linux" and is_filtered():
            from pytest_fsfault._intercept.calls.repeating import repeat_broken_calls  # noqa: PLC0415  # for who is asked about

            repeat_broken_calls()
        atexit.register(attachment.tell)
        if (
            _END.__name__ not in sys.modules
        ):  # a process forked since has it, too: what is replaced is finalised
            vars(_END)["end"] = _End()
            sys.modules[_END.__name__] = _END
        if SAYS_WHEN_ATTACHED:
            attachment.say_attached()
    except BaseException:
        attachment.leave()
        attachment.close()
        raise
    return True


def attach_forked(interceptor: Attachable, directory: str) -> bool:
    """Attach a process that was just forked; where that fails, it goes on without faults, and reports so."""
    try:
        return attach(interceptor, directory)
    except Exception as error:
        if is_of_a_handler(error):
            raise
        report_failure(directory, error)
        return False


def is_attached() -> bool:
    """Return whether this process is attached to its parent."""
    return _attachment is not None


# The ways to end a process, or its program, that run no clean-up.
_ENDINGS = {name: getattr(os, name) for name in ("_exit", "execv", "execve") if hasattr(os, name)}
_patches: list[Patch] = []


def _endings() -> list[Patch]:
    """Return what reports the last calls of a process first; each is put in place once."""
    if not _patches:
        _patches.extend(
            [Patch(os, name, real, bind("os", real, _ending(real))) for name, real in _ENDINGS.items()]
        )
    return _patches


def _ending(real: Callable[..., Any]) -> Callable[..., Any]:
    def ending(_home: object, *args: Any, **kwargs: Any) -> Any:
        if _attachment is not None:
            _attachment.tell()
        return real(*args, **kwargs)

    return ending


_directories: list[str] = []


def _hook(interceptor: Attachable, directory: str) -> None:
    """Attach what this process forks to the same parent; a fork server outlives its sessions."""
    if not _directories and hasattr(os, "register_at_fork"):
        os.register_at_fork(before=_flush, after_in_child=lambda: _forked(interceptor))
    _directories[:] = [directory]


def _flush() -> None:
    """Let the parent know what has happened so far: what a forked process does comes later."""
    if _attachment is not None:
        _attachment.engine.flush()


def _forked(interceptor: Attachable) -> None:
    global _attachment  # noqa: PLW0603  # a process has one parent
    if _attachment is not None:
        _attachment.sever()
    _attachment = None
    interceptor.become_child(_directories[0])
