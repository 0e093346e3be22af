"""Publish the rendezvous while faults act; start the server when the first process starts."""

from __future__ import annotations

import os
from _thread import get_ident
from typing import TYPE_CHECKING, Any

from pytest_fsfault._core.locks import holds_lock
from pytest_fsfault._intercept.children import rendezvous
from pytest_fsfault._intercept.children.parent.amid_forks import forget, keeping, raise_kept
from pytest_fsfault._intercept.children.parent.fork_hooks import ForkHooks
from pytest_fsfault._intercept.children.parent.fork_warnings import unwarned
from pytest_fsfault._intercept.children.parent.started import StartedProcesses, started
from pytest_fsfault._intercept.children.parent.uninterrupted import Uninterrupted
from pytest_fsfault._intercept.fake.isolation import patcher
from pytest_fsfault._intercept.patching.tracebacks import hidden

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from pytest_fsfault._core.clock import Clock
    from pytest_fsfault._intercept.calls.state import InterceptState
    from pytest_fsfault._intercept.children.parent.server import Server
    from pytest_fsfault._intercept.children.parent.started import ProcessRow
    from pytest_fsfault._intercept.native.launch import Launch
    from pytest_fsfault._intercept.native.programs import Programs
    from pytest_fsfault._intercept.patching.patches import Patch

_supervisors: list[ChildSupervisor] = []
_CLOSED = "the code under test has closed descriptors by which child processes ask: those that ran then went on without faults"
_lost: list[Programs] = []  # which would close files of the code under test
# Its parent could not answer: who forks there holds the locks that an answer takes, and may wait for the child.
_AMID = (
    "a child process went on without faults, since a finaliser or signal handler forked it amid a decision,"
)


class ChildSupervisor:
    """The rendezvous of this process, published while faults act, and its server."""

    def __init__(
        self, state: InterceptState, clock: Callable[[], Clock | None], become_child: Callable[[str], object]
    ) -> None:
        self._state = state
        self._clock = clock
        self._become_child = become_child
        self._directory = (
            ""  # named when it is first published: a fake file system has temporary files of its own
        )
        self._homeless = ""  # why there is no place for it
        self._published = False
        self._owner = os.getpid()
        self._wanted = self._done = ""  # "running" or "paused": what the server thread is to be, and is
        self._amid = False  # a fork is under way amid a decision of this thread's
        self._cover: Callable[[list[Patch]], object] = lambda _patches: None
        self._forking = ForkHooks(self.starting, hidden(self.launch))
        self.starts = StartedProcesses()
        self._whole = Uninterrupted(state.own_threads)
        self.server: Server | None = None
        self.programs: Programs | None = None
        _supervisors.append(self)

    def follow(self) -> None:
        """Update after a change of sessions, rules, roots or gates."""
        state = self._state
        asked = bool(state.live) and any([engine.gate and engine.children for engine in state.engines])  # noqa: C419  # no generator: what interrupts its end would be lost
        wanted = asked and rendezvous.POSSIBLE
        if wanted and patcher() is not None:
            wanted = False  # a fake file system is this process's alone
        if wanted is not self._published:
            self._publish(wanted)
        if self.server is not None:
            self._change(self.server)

    def _publish(self, wanted: bool) -> None:
        self._homeless = ""
        try:
            self._directory = self._directory or rendezvous.new_directory()
        except OSError as error:  # none for temporary files is writable
            self._homeless = f"no fault reaches child processes: {error}"
            return
        self._published = wanted
        if wanted:
            rendezvous.publish(self._directory)
        else:
            rendezvous.unpublish()

    def _change(self, server: Server) -> None:
        server.change()
        if (programs := self.programs) is not None:  # which may be taken away meanwhile
            programs.follow()
        try:
            if server.has_other_roots():
                # No signal handler runs in the server's thread, and the one who works for others may wait for it to end.
                publish = server.publish_roots
                publish() if server.loop.is_own() else self._whole.do(publish)
        except OSError as error:
            self.starts.trouble(f"new child processes do not know all roots: {error}")

    def cover(self, put: Callable[[list[Patch]], object]) -> None:
        """Let `put` install the wrappers of functions that start processes, now and in modules loaded later."""
        self._cover = put
        self._forking.cover(put)

    def starting(self, event: str, args: tuple[Any, ...], frame: FrameType | None) -> bool:
        """Prepare for a process that the code under test is about to start; return whether faults can reach it."""
        site = self._state.callers.locate(frame) if self._published or self._homeless else None
        if site is None:
            return False
        if self._homeless or holds_lock():
            self.starts.trouble(self._homeless or f"{_AMID} at {site}")
            return False
        if self._serve() is None:
            return False
        self.cover(self._cover)
        found = started(event, args, site, frame)
        if found is not None:
            self.starts.add(found)
        return True

    def launch(self, launch: Launch, frame: FrameType | None) -> Any:
        """Start a process such that its calls are met, too, if they are not calls of Python; return what that returns."""
        self._refuse_after_the_end(frame)
        if not self.starting(launch.event, launch.arguments, frame):
            return launch.real(True)
        programs = self._native()
        site = self._state.callers.locate(frame)
        if programs is None or site is None:
            result = launch.real(True)
            self._identify(launch, result)
            self.starts.forget(get_ident())
            return result
        if reservation := programs.reservation():
            self.starts.trouble(reservation)
        result, reason = programs.start(launch, site)
        self._identify(launch, result)
        self.starts.reached(get_ident(), reason)
        return result

    def _refuse_after_the_end(self, frame: FrameType | None) -> None:
        """Start no process once a crash has ended the code under test: its program has ended."""
        ended = [engine for engine in self._state.engines if engine.gate and engine.ended is not None]
        if ended and self._state.callers.locate(frame) is not None:
            ended[0].raise_if_ended()

    def _identify(self, launch: Launch, result: object) -> None:
        if launch.event != "os.system" and isinstance(result, int):  # the number of the process
            self.starts.identify(get_ident(), result)

    def _native(self) -> Programs | None:
        """Return who starts native programs; None where no session wants them to be met."""
        if not any(engine.gate and engine.native for engine in self._state.engines):
            return None
        if self.programs is None and (server := self.server) is not None:
            from pytest_fsfault._intercept.native.possible import why_not  # noqa: PLC0415  # for who starts a process

            if why_not():
                self.starts.reached(get_ident(), why_not())
                return None
            # No signal handler runs in the server's thread, and the one who works for others may wait for it to end.
            self._begin_native() if server.loop.is_own() else self._whole.do(self._begin_native)
        return self.programs

    def _begin_native(self) -> None:
        """Begin to answer native programs, unless the last session has ended meanwhile, in another thread."""
        from pytest_fsfault._intercept.native.programs import Programs  # noqa: PLC0415  # for who starts a process

        if self.programs is None and self.server is not None:
            self.programs = Programs(self._state, self.server.loop, self.server, self.mark)

    def _serve(self) -> Server | None:
        """Return the running server; None if there can be none, which is said at the end of the test."""
        if self.server is not None and self.server.is_lost():
            self._whole.do(self._lose)
        if self.server is None or not self.server.serves():
            try:
                self._whole.do(self._prepare)
            except (OSError, RuntimeError) as error:  # no directory, no room, no descriptor, no thread
                self._give_up(error)
        return self.server

    def _prepare(self) -> None:
        from pytest_fsfault._intercept.children.parent.server import Server  # noqa: PLC0415  # for who starts a process

        if self.server is None:
            server = Server(self._state, self._directory, self._clock, self.starts)
            server.dispatcher.native = self._native
            self.server = server
        elif self.server.renew():
            self.starts.trouble(
                f"{self._directory}, where child processes find this one, was removed: those that "
                "had not asked before went on without faults"
            )
            self._directory = self.server.directory
            rendezvous.publish(self._directory)
        self._wanted = self._done = "running"
        self.server.loop.start()

    def _give_up(self, error: Exception) -> None:
        """Let child processes go on without faults, since there is no server to answer them."""
        self.starts.trouble(f"no fault reaches child processes: {error}")
        server, self.server = self.server, None
        if server is not None:
            server.read_reports()
            server.close()

    def _lose(self) -> None:
        """Give up a server whose descriptors are closed; native programs are asked about nothing any more."""
        self.starts.trouble(_CLOSED)
        server, self.server = self.server, None
        if self.programs is not None:
            _lost.append(self.programs)  # whose listeners have the numbers of other files now
            self.programs = None
        if server is not None:
            server.loop.pause()
            server.read_reports()
            server.close()

    def drain(self) -> None:
        """Process what children have sent so far, also those that were killed."""
        if (server := self.server) is not None:
            server.drain()

    def read_logs(self) -> None:
        """Process what children have written down so far, before gates change."""
        if (server := self.server) is not None:
            server.read_logs()

    def end(self) -> None:
        """Close the server after the last session."""
        if self.server is not None or self.programs is not None:
            self._whole.do(self._close)
        if self.starts:
            self.starts = StartedProcesses()
        if rendezvous.KEY in os.environ and os.getpid() == self._owner:
            # A mock of the environment that was undone late has brought it back.
            rendezvous.unpublish()

    def _close(self) -> None:
        if self.server is not None and self.server.is_lost():
            self._lose()
        server, self.server = self.server, None
        programs, self.programs = self.programs, None
        if server is not None:
            server.loop.pause()
        if programs is not None:
            programs.end()
        if server is not None:
            server.close()
            # A child that outlives this session does not find the next one.
            self._directory = ""
            self._forking.forget_servers()

    def mark(self) -> str:
        """Return the environment variable, with its value, of the processes that were started under faults."""
        return f"{rendezvous.KEY}={self._directory}" if self.server is not None else ""

    def unreached(self, first: int) -> list[str]:
        """Return a sentence for each process, from the `first` on, that no fault has reached."""
        if (server := self.server) is not None:
            if server.is_lost():
                self.starts.trouble(_CLOSED)
            server.read_reports()
        return list(self.starts.unreached(first))

    def processes(self, first: int) -> list[ProcessRow]:
        """Return what is known of each process, from the `first` on."""
        if (server := self.server) is not None:
            server.read_reports()
        return list(self.starts.rows(first))

    def started(self) -> int:
        """Return how many processes were started so far."""
        return len(self.starts)

    # A fork of this process.

    def before_fork(self) -> None:
        """Stop the server thread before a fork, unless it may wait for a lock of this very thread."""
        self._amid = holds_lock()
        if self.server is not None and not self._amid and self._done != "paused":
            programs = self._native()  # the child needs the modules, and finds them loaded
            self._set_loop("paused")
            if programs is not None:
                programs.settle()

    def after_fork(self) -> None:
        """Restart the server thread in the parent after a fork."""
        if self.server is not None and not self._amid and self._done != "running":
            try:
                self._set_loop("running")
            except RuntimeError as error:
                self._give_up(error)

    def _set_loop(self, wanted: str) -> None:
        """Pause the server thread, or let it run; what a signal handler has cut off is done again."""
        self._wanted, self._done = wanted, ""
        self._whole.do(self._follow)
        self._done = wanted

    def _follow(self) -> None:
        """Do what is wanted now, however late this piece of work gets its turn."""
        if self.server is not None:
            loop = self.server.loop
            if self._wanted == "paused":
                loop.pause()
            else:
                unwarned(loop.start, self._state.own_threads)

    def forked(self) -> None:
        """Attach the forked child to this parent, or to none if no fault acts."""
        server, self.server = self.server, None
        wanted = server is not None and self._published and not self._amid
        self._published = False
        programs, self.programs = self.programs, None
        if programs is not None:
            programs.abandon()
        if server is not None:
            server.close(abandon=True)
        self._become_child(self._directory if wanted else "")


@keeping
def _before_fork() -> None:
    for supervisor in _supervisors:
        supervisor.before_fork()


@keeping
def _after_fork() -> None:
    for supervisor in _supervisors:
        supervisor.after_fork()


def _forked() -> None:
    forget()
    inherited, _supervisors[:] = tuple(_supervisors), ()
    for supervisor in inherited:
        supervisor.forked()


# With the module: an import that is interrupted begins anew, and what it has registered finds no supervisor.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_forked)
    # Once more: a signal handler that raises in one of them, or before its first line, ends only that one.
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork)
    for _ in range(2):
        os.register_at_fork(after_in_parent=raise_kept)
