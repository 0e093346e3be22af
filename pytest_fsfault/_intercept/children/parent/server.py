"""Answer child processes: the connections, their waits, and what the clock must know of them."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from pytest_fsfault._core.clock import VirtualClock
from pytest_fsfault._core.language.operations import is_same_call
from pytest_fsfault._host.processes import process_of
from pytest_fsfault._intercept.children.parent.activity import VISIBLE, ChildActivity
from pytest_fsfault._intercept.children.parent.connections import ChildConnection
from pytest_fsfault._intercept.children.parent.directory import PrivateDirectory
from pytest_fsfault._intercept.children.parent.dispatcher import Dispatcher
from pytest_fsfault._intercept.children.parent.event_loop import EventLoop
from pytest_fsfault._intercept.children.protocol import Malformed
from pytest_fsfault._intercept.children.rendezvous import PREFIX, is_ours, new_directory
from pytest_fsfault._intercept.children.transport import Closed
from pytest_fsfault._intercept.virtual_time.threads import ThreadActivity

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_fsfault._core.clock import Clock
    from pytest_fsfault._intercept.calls.state import InterceptState
    from pytest_fsfault._intercept.children.parent.started import StartedProcesses
    from pytest_fsfault._intercept.children.protocol import Message

_SIZE = 65_536
_LAST = (1 << 63) - 1  # the latest instant that the shared page can show


class Server:
    """Answer child processes, in a thread of its own, which never waits for one of them.

    Raises:
        OSError: if there is no room for its directory, or no descriptor left.

    """

    def __init__(
        self,
        state: InterceptState,
        directory: str,
        clock: Callable[[], Clock | None],
        starts: StartedProcesses,
    ) -> None:
        self._clock = clock
        self._followed: VirtualClock | None = None
        self._starts = starts
        self._directories: list[PrivateDirectory] = []
        self._connections: dict[int, ChildConnection] = {}
        self.loop = EventLoop(state.own_threads, self._look, self.failed)
        self.dispatcher = Dispatcher(
            state,
            self.generation,
            clock,
            self.loop.notify,
            starts,
            lambda: [one.path for one in self._directories],
        )
        self._reads_logs = False  # whether a thread waits for the logs to be read
        self.activity = ChildActivity(self._waiting, self._idle, self._asked, lambda: self.loop.called)
        try:
            self._open(directory)
        except BaseException:
            self.close()
            raise
        if VISIBLE:
            ThreadActivity.children = self.activity
        self._follow_clock()

    def _open(self, path: str) -> None:
        directory = PrivateDirectory(path)
        try:
            directory.shared.alive = True
            directory.shared.generation = self.generation()
            directory.publish_roots(self._published())
        except BaseException:
            directory.close()
            raise
        self._directories.append(directory)
        self.loop.watch(directory.listener.fileno(), lambda: self._accept(directory))

    @property
    def directory(self) -> str:
        """The private directory that new children find."""
        return self._directories[-1].path

    def generation(self) -> int:
        """Return the number of changes of rules, roots and gates so far."""
        return self._directories[-1].shared.generation if self._directories else 0

    def renew(self) -> bool:
        """Make another directory if the one before was removed; return whether it was.

        Children that are connected stay so.

        Raises:
            OSError: if it was not made.

        """
        if self._directories[-1].is_there():
            return False
        self._open(new_directory())
        self._follow_clock()
        return True

    def read_reports(self) -> None:
        """Read which interpreters have reported that they started."""
        for directory in self._directories:
            for words in directory.reports():
                self._starts.report_alive(words)
            for told in directory.failures():
                self._starts.trouble(told)

    def _follow_clock(self) -> None:
        clock = self._clock()
        if clock is not self._followed:
            self._leave_clock()
        if isinstance(clock, VirtualClock):
            self._followed = clock
            clock.tell(self._moved)

    def _leave_clock(self, *, alone: bool = False) -> None:
        """Hear no more of the clock that is followed: threads that outlive their test still move it."""
        clock, self._followed = self._followed, None
        if clock is not None:
            clock.tell_no_longer(self._moved, alone=alone)

    def _moved(self, instant: int) -> None:
        for directory in self._directories:
            directory.shared.time = min(instant, _LAST)

    def change(self) -> None:
        """Tell all connected children that rules, roots or gates have changed."""
        for directory in self._directories:
            directory.shared.generation += 1
        self._follow_clock()

    def has_other_roots(self) -> bool:
        """Return whether new interpreters have to get other roots."""
        directory = self._directories[-1]
        return directory.published != self._published() and directory.is_there()

    def _published(self) -> tuple[str, ...]:
        """Return what new interpreters have to know."""
        return self.dispatcher.decisions.head(), *self.dispatcher.decisions.roots()

    def publish_roots(self) -> None:
        """Tell new interpreters of the roots.

        Raises:
            OSError: if they were not written.

        """
        self._directories[-1].publish_roots(self._published())

    def serves(self) -> bool:
        """Return whether the thread runs, and new children find it."""
        return self.loop.running and self._directories[-1].is_there()

    def is_lost(self) -> bool:
        """Return whether the code under test has closed the descriptors by which children ask."""
        return self.loop.is_lost() or not all(one.listener.is_ours() for one in self._directories)

    def failed(self, error: Exception) -> None:
        """Record that something went wrong in our own work, which is said at the end."""
        self._starts.trouble(f"{_ALONE}: {type(error).__name__}: {error}")

    # Connections.

    def _accept(self, directory: PrivateDirectory) -> None:
        try:
            transport = directory.listener.accept()
        except OSError as error:
            self._starts.trouble(
                f"a child process was turned away, and went on without faults: {error.strerror}"
            )
            return
        if transport is not None:
            connection = ChildConnection(transport)
            self._connections[transport.descriptor] = connection
            self.loop.watch(transport.descriptor, lambda: self._hear(connection))

    def _hear(self, connection: ChildConnection) -> None:
        """Read questions; of one that is behind with its answers, nothing is read before it has them."""
        if connection.is_behind():
            connection.flush()
            self._follow_writing(connection)
            return
        try:
            data = connection.transport.recv(_SIZE)
            if data:
                for message in connection.frames.feed(data):
                    self._ask(connection, message)
                return
        except (Closed, Malformed):
            pass  # a child that sends such things is dropped
        except Exception as error:  # noqa: BLE001  # whatever one child says, the others get their answers
            self.failed(error)
        self._dismiss(connection)

    def _ask(self, connection: ChildConnection, message: list[Any]) -> None:
        processes = self.activity.numbers
        answer = self.dispatcher.answer(connection, message)
        if connection.process and connection.process not in processes:
            self._count_children()
        if answer is not None:
            self._answer(connection, answer)

    def _answer(self, connection: ChildConnection, answer: Message) -> None:
        connection.answer(answer)
        self._follow_writing(connection)

    def _follow_writing(self, connection: ChildConnection) -> None:
        if connection.transport.descriptor in self._connections:
            self.loop.watch_writing(connection.transport.descriptor, connection.is_behind())

    def _dismiss(self, connection: ChildConnection) -> None:
        descriptor = connection.transport.descriptor
        self.loop.unwatch(descriptor)
        self._connections.pop(descriptor, None)
        connection.transport.close()
        self.dispatcher.forget(connection)
        self._count_children()

    def _count_children(self) -> None:
        numbers = {connection.process for connection in self._connections.values() if connection.process}
        self.dispatcher.clock.keep(numbers)
        clock = self._clock()
        # While this changes, the clock must not decide to jump: a child shares the clock or it does not.
        with clock._mutex if isinstance(clock, VirtualClock) else nullcontext():
            self.activity.meet(numbers)

    # The clock.

    def _look(self) -> float | None:
        """Read what is in the logs, if a thread waits for that; return the real seconds until the next look."""
        if self._reads_logs:
            self.dispatcher.logs.read_all()
            self._reads_logs = False
        return self._end_waits()

    def _end_waits(self) -> float | None:
        """Answer those whose waits are over; return the real seconds until the next look."""
        pauses: list[float] = []
        for connection in tuple(self._connections.values()):
            wait = connection.wait
            if wait is None:
                continue
            if self.dispatcher.clock.take_cancelled(connection):
                self._end(connection, ("notified",))
            elif (pause := wait.clock.poll(wait)) is None:
                self.dispatcher.clock.note_wait(connection)
                self._end(connection, ("due",))
            else:
                pauses.append(pause)
        return min(pauses, default=None)

    def _end(self, connection: ChildConnection, answer: Message) -> None:
        wait, connection.wait = connection.wait, None
        assert wait is not None  # noqa: S101  # asked before
        clock = wait.clock
        # In one step, as others see it: it must not look as if the thread did nothing and waited for nothing.
        with clock._mutex:
            clock.publish()
            self._answer(connection, answer)
            clock.leave(connection.key)

    def _waiting(self, process: int) -> set[int]:
        return {
            connection.owner.native
            for connection in tuple(self._connections.values())
            if connection.process == process and connection.wait
        }

    def _idle(self, process: int) -> set[int]:
        return {
            connection.owner.native
            for connection in tuple(self._connections.values())
            if connection.process == process and connection.owner.idle
        }

    def _asked(self) -> bool:
        """Return whether a question is unanswered (a native call's that is delayed for real, too), or a child attaches itself."""
        behind = {number for number, one in tuple(self._connections.items()) if one.is_behind()}
        # In this order: who takes in what has come is busy before, and until it is answered.
        attaching = any(one.owner.process.attaching for one in tuple(self._connections.values()))
        if self.loop.owes() or attaching or self.loop.has_input(behind):
            return True
        return self.loop.busy and not self.loop.is_own()

    # What is known of the threads of Python children.

    def knows(self, task: int, operation: str, path: str) -> bool:
        """Return whether it is decided about the call that a thread, by the system's number, makes now, or it is ours."""
        if is_ours(path):
            return True
        logs = self.dispatcher.logs
        logs.read_all()  # what was told so far was before this call
        for one in (connection.owner for connection in self._connections.values()):
            if one.native == task:
                if one.going and is_same_call(one.going, operation):
                    one.going = ""
                    return True
                if any(is_same_call(call.operation.name, operation) for call in one.asked.values()):
                    return True
        return logs.is_making(task, operation)

    def may_know(self, path: str) -> bool:
        """Return whether `knows` or `is_attached` can hold for a call on this path: whether there is any child at all."""
        return bool(self._connections or self.dispatcher.logs.all) or (PREFIX in path and is_ours(path))

    def is_attached(self, task: int) -> bool:
        """Return whether a thread belongs to a process that is attached."""
        numbers = self.activity.numbers
        return bool(numbers) and process_of(task) in numbers

    # The end.

    def drain(self) -> None:
        """Process everything that has been sent or written down so far."""
        if self.loop.running and not self.loop.is_own():
            self._reads_logs = self.dispatcher.logs.has_more()
            self.loop.settle(lambda: self._reads_logs or self._asked())

    def read_logs(self) -> None:
        """Process what was written down so far, before gates change: it is of the sessions that were open then."""
        if self.dispatcher.logs:
            self.drain()

    def close(self, *, abandon: bool = False) -> None:
        """Stop answering; with `abandon` this is the copy in a forked child, and the parent's files stay."""
        if not abandon:
            self.loop.pause()
            for connection in tuple(self._connections.values()):
                self._dismiss(connection)
        self.dispatcher.logs.close()
        self._leave_clock(alone=abandon)
        for directory in self._directories:
            directory.close(abandon=abandon)
        self.loop.close()
        for connection in self._connections.values():
            connection.transport.close()
        if ThreadActivity.children is self.activity:
            ThreadActivity.children = None


_ALONE = "a child process got no answer, and went on without faults"
