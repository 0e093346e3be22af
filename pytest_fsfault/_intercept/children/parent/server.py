"""The thread that answers child processes; it runs from the first start of a process to the end of the session."""

from __future__ import annotations

import marshal
import os
import select
import selectors
import socket
import sys
import time
from _thread import allocate_lock, get_ident, start_new_thread
from contextlib import nullcontext, suppress
from heapq import heappop, heappush
from itertools import count
from typing import TYPE_CHECKING, Any

from pytest_fsfault._core.clock import VirtualClock
from pytest_fsfault._core.language.operations import is_same_call
from pytest_fsfault._host.originals import ORIGINALS
from pytest_fsfault._host.processes import process_of
from pytest_fsfault._intercept.children import rendezvous
from pytest_fsfault._intercept.children.parent.activity import VISIBLE, ChildActivity
from pytest_fsfault._intercept.children.parent.connections import ChildConnection
from pytest_fsfault._intercept.children.parent.dispatcher import Dispatcher
from pytest_fsfault._intercept.children.shared_page import SharedState
from pytest_fsfault._intercept.virtual_time.threads import ThreadActivity

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_fsfault._intercept.calls.state import InterceptState
    from pytest_fsfault._intercept.children.protocol import Message

_SIZE = 65_536
_BACKLOG = 128
# Real seconds to wait for the last words of a child that was killed; one that goes on talking is not waited for.
_PATIENCE = 0.1
_real_sleep = time.sleep
_now = ThreadActivity.monotonic_ns
_remove, _rmdir, _mkdir, _listdir = (
    ORIGINALS["os", name] for name in ("unlink", "rmdir", "mkdir", "listdir")
)
_open, _rename = ORIGINALS["io", "open"], ORIGINALS["os", "replace"]
# The suffix of the files by which new interpreters report that they started.
_MET = ".met"


_order = count()


def _sooner(one: float | None, other: float | None) -> float | None:
    return other if one is None else one if other is None else min(one, other)


class Server:
    """Answer child processes, in a thread of its own.

    A raw thread: it does not belong to the test, and `threading` does not list it. It is stopped while this
    process forks, since Python warns of a fork with several threads.
    """

    def __init__(self, state: InterceptState, directory: str, clock: Callable[[], Any]) -> None:
        self._state = state
        self._directory = directory
        _mkdir(directory, 0o700)
        self._shared = SharedState(rendezvous.page_of(directory), create=True)
        self._shared.alive = True
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(rendezvous.socket_of(directory))
        self._socket.listen(_BACKLOG)
        self._wakeup, self._notifier = socket.socketpair()
        for one in (self._socket, self._wakeup, self._notifier):
            one.setblocking(False)
        self._connections: dict[int, ChildConnection] = {}
        self._watched: dict[int, Callable[[], object]] = {}
        self._later: list[tuple[int, int, Callable[[], object]]] = []
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._socket, selectors.EVENT_READ)
        self._selector.register(self._wakeup, selectors.EVENT_READ)
        self.dispatcher = Dispatcher(state, self._shared, clock, self.notify)
        self._clock = clock
        self._running = False
        self._stopping = False
        self._busy = False
        self._ended = allocate_lock()
        self._native = 0
        self._thread = 0
        self.activity = ChildActivity(self._waiting, self._asked)
        if VISIBLE:
            ThreadActivity.children = self.activity
        self._roots: tuple[str, ...] | None = None
        self._follow_clock()
        self._publish_roots()

    def _publish_roots(self) -> None:
        """Write the roots where new interpreters read them."""
        roots = self.dispatcher.roots()
        if roots != self._roots:
            self._roots = roots
            path = rendezvous.roots_of(self._directory)
            with _open(f"{path}.new", "wb") as file:
                file.write(marshal.dumps(roots, 2))
            _rename(f"{path}.new", path)

    def read_reports(self) -> None:
        """Read which interpreters have reported that they started."""
        for name in _listdir(self._directory):
            if name.endswith(_MET):
                path = os.path.join(self._directory, name)
                with suppress(OSError, ValueError, EOFError):
                    with _open(path, "rb") as file:
                        self.dispatcher.starts.report_alive(marshal.loads(file.read()))  # noqa: S302  # ours
                    _remove(path)

    def _follow_clock(self) -> None:
        clock = self._clock()
        if isinstance(clock, VirtualClock):
            clock.moved = self._moved
            clock.publish()

    def _moved(self, instant: int) -> None:
        self._shared.time = instant

    def change(self) -> None:
        """Tell all children that rules, roots or gates have changed."""
        self._shared.change()
        self._follow_clock()
        self._publish_roots()

    # The thread.

    def start(self) -> None:
        """Let the thread run."""
        if self._running:
            return
        self._stopping = False
        self._running = True
        self._ended.acquire()
        start_new_thread(self._run, ())

    def pause(self) -> None:
        """Let the thread end, and wait until the system has forgotten it."""
        if not self._running or get_ident() == self._thread:
            return
        self._stopping = True
        self.notify()
        self._ended.acquire()
        self._ended.release()
        self._running = False
        if sys.platform == "linux":
            tasks = "/proc/self/task"
            while str(self._native) in _listdir(tasks):
                _real_sleep(0.0001)

    def notify(self) -> None:
        """Wake the thread up."""
        with suppress(OSError):
            self._notifier.send(b"!")

    # What else is to be answered in this thread.

    def watch(self, descriptor: int, ready: Callable[[], object]) -> None:
        """Call `ready` in the thread whenever a descriptor can be read, or nobody is left at its other end."""
        self._watched[descriptor] = ready
        self._selector.register(descriptor, selectors.EVENT_READ, ready)

    def unwatch(self, descriptor: int) -> None:
        """Watch a descriptor no longer."""
        if self._watched.pop(descriptor, None) is not None:
            self._selector.unregister(descriptor)

    def after(self, seconds: float, call: Callable[[], object]) -> None:
        """Call `call` in the thread after so many real seconds."""
        heappush(self._later, (_now() + int(seconds * 1e9), next(_order), call))
        self.notify()

    def _call_due(self) -> float | None:
        """Call what is due; return the real seconds until the next."""
        while self._later:
            left = self._later[0][0] - _now()
            if left > 0:
                return left / 1e9
            self._call(heappop(self._later)[2])
        return None

    def _call(self, ready: Callable[[], object]) -> None:
        try:
            ready()
        except Exception as error:  # noqa: BLE001  # whatever goes wrong, the others get their answers
            self.dispatcher.fail(error)

    def _run(self) -> None:
        from threading import get_native_id  # noqa: PLC0415  # the thread's own

        self._native, self._thread = get_native_id(), get_ident()
        own_threads = self._state.own_threads
        own_threads.add(self._thread)
        try:
            while not self._stopping:
                self._serve(_sooner(self._end_waits(), self._call_due()))
        finally:
            own_threads.discard(self._thread)
            self._ended.release()

    def _serve(self, timeout: float | None) -> bool:
        found = self._selector.select(timeout)
        self._busy = True
        try:
            for key, _ in found:
                if key.fileobj is self._socket:
                    self._accept()
                elif key.fileobj is self._wakeup:
                    with suppress(OSError):
                        self._wakeup.recv(_SIZE)
                elif key.fd in self._watched:
                    self._call(self._watched[key.fd])
                else:
                    self._hear(key.data)
        finally:
            self._busy = False
        return bool(found)

    def _accept(self) -> None:
        with suppress(OSError):
            accepted, _ = self._socket.accept()
            accepted.setblocking(True)
            connection = ChildConnection(accepted)
            self._connections[accepted.fileno()] = connection
            self._selector.register(accepted, selectors.EVENT_READ, connection)

    def _hear(self, connection: ChildConnection) -> None:
        try:
            data = connection.connection.recv(_SIZE)
        except OSError:
            data = b""
        if not data:
            self._dismiss(connection)
            return
        try:
            for message in connection.frames.feed(data):
                self._answer(connection, message)
        except Exception as error:  # noqa: BLE001  # whatever one child says, the others get their answers
            self.dispatcher.fail(error)
            self._dismiss(connection)

    def _answer(self, connection: ChildConnection, message: Message) -> None:
        answer = self.dispatcher.answer(connection, message)
        if message[0] in {"hello", "thread"}:
            self._count_children()
        if answer is not None:
            connection.send(answer)

    def _dismiss(self, connection: ChildConnection) -> None:
        self._selector.unregister(connection.connection)
        self._connections.pop(connection.connection.fileno(), None)
        connection.connection.close()
        self.dispatcher.forget(connection)
        self._count_children()

    def _count_children(self) -> None:
        numbers = {connection.process for connection in self._connections.values() if connection.process}
        self.dispatcher.keep(numbers)
        clock = self._clock()
        # While this changes, nobody may decide whether the clock jumps: a child shares the clock or it does not.
        with clock._mutex if isinstance(clock, VirtualClock) else nullcontext():
            self.activity.meet(numbers)

    # The clock.

    def _end_waits(self) -> float | None:
        """Answer those whose waits are over; return the real seconds until the next look."""
        pauses: list[float] = []
        for connection in tuple(self._connections.values()):
            wait = connection.wait
            if wait is None:
                continue
            if self.dispatcher.take_cancelled(connection):
                self._end(connection, ("notified",))
            elif (pause := wait.clock.poll(wait)) is None:
                if wait.noted:
                    self.dispatcher.answer(
                        connection, ("slept", wait.began, (wait.due or wait.began) - wait.began)
                    )
                self._end(connection, ("due",))
            else:
                pauses.append(pause)
        return min(pauses, default=None)

    def _end(self, connection: ChildConnection, answer: tuple[str, ...]) -> None:
        wait, connection.wait = connection.wait, None
        assert wait is not None  # noqa: S101  # asked before
        clock = wait.clock
        # In one step, as others see it: it must not look as if the thread did nothing and waited for nothing.
        with clock._mutex:
            clock.publish()
            connection.send(answer)
            clock.leave(connection.key)

    def _waiting(self, process: int) -> set[int]:
        return {
            connection.native
            for connection in tuple(self._connections.values())
            if connection.process == process and connection.wait
        }

    def _asked(self) -> bool:
        """Return whether a question is unanswered."""
        if self._busy and get_ident() != self._thread:
            return True
        poll = select.poll() if hasattr(select, "poll") else None
        if poll is None:
            return False
        for connection in tuple(self._connections.values()):
            if (descriptor := connection.connection.fileno()) >= 0:
                poll.register(descriptor, select.POLLIN)
        for descriptor in tuple(self._watched):
            poll.register(descriptor, select.POLLIN)
        return bool(poll.poll(0))

    # What is known of the threads of Python children.

    def has_asked(self, task: int, operation: str) -> bool:
        """Return whether a thread has asked about the call that it makes now, by the system's number."""
        for one in self._connections.values():
            if one.native == task:
                if one.going and is_same_call(one.going, operation):
                    one.going = ""
                    return True
                return any(is_same_call(case.operation.name, operation) for case, _ in one.asked.values())
        return False

    def is_attached(self, task: int) -> bool:
        """Return whether a thread belongs to a process that is attached."""
        numbers = self.activity.numbers
        return bool(numbers) and process_of(task) in numbers

    # The end.

    def drain(self) -> None:
        """Process everything that has been sent so far."""
        if self._running and get_ident() != self._thread:
            until = time.monotonic() + _PATIENCE
            while self._asked() and time.monotonic() < until:
                self.notify()
                _real_sleep(0.0002)

    def close(self, *, abandon: bool = False) -> None:
        """Stop answering; with `abandon` this is the copy in a forked child, and the parent's files stay."""
        if not abandon:
            self.pause()
            self._shared.alive = False
            for connection in tuple(self._connections.values()):
                self._dismiss(connection)
            self._remove_directory()
        self._selector.close()
        for connection in self._connections.values():
            connection.connection.close()
        for one in (self._socket, self._wakeup, self._notifier):
            one.close()
        self._shared.close()
        if ThreadActivity.children is self.activity:
            ThreadActivity.children = None
        clock = self._clock()
        if isinstance(clock, VirtualClock) and clock.moved == self._moved:
            clock.moved = None

    def _remove_directory(self) -> None:
        with suppress(OSError):
            for name in _listdir(self._directory):
                _remove(os.path.join(self._directory, name))
            _rmdir(self._directory)
