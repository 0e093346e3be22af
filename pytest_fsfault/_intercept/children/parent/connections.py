"""State per connection, and per thread of a child, which may have several: one for each question under way."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

from pytest_fsfault._core.waiter import Waiter
from pytest_fsfault._intercept.children.protocol import Frames, pack
from pytest_fsfault._intercept.children.transport import Closed

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_fsfault._core.clock import VirtualClock
    from pytest_fsfault._core.engine.pending import PendingCall
    from pytest_fsfault._intercept.children.protocol import Message
    from pytest_fsfault._intercept.children.transport import Transport

# Waits of children are keyed by negative numbers, which no thread of this process has.
_keys = count(-2, -1)


# So many calls of one thread may be under way, one within the other, before the oldest are forgotten.
_MOST = 256


class ChildProcess:
    """One child process: what it has reported in all, so that a report that comes twice counts once."""

    def __init__(self, number: int, *, attaching: bool = False) -> None:
        self.number = number
        self.spent = 0  # nanoseconds of the clock
        self.counts: dict[str, int] = {}  # calls that no rule concerned, by operation
        self.attaching = attaching  # whether it is still loading and patching what it needs for our sake


class ChildThread:
    """One thread of a child."""

    def __init__(self, process: ChildProcess, thread: int, native: int) -> None:
        self.key = next(_keys)
        self.process = process
        self.thread = thread  # as Python numbers it
        self.native = native  # as the system numbers it
        self.connections = 0
        self.idle = False  # whether it only looks every now and then whether it is to end
        self.asked: dict[int, PendingCall] = {}  # what is under way, by its number
        self.going = ""  # the operation that it is about to make, of which it will tell no more
        self.clock: VirtualClock | None = None  # the clock whose jumps it limits

    def remember(self, number: int, call: PendingCall) -> None:
        """Keep what is under way; of messages without an answer, only the latest."""
        self.asked[number] = call
        if len(self.asked) > _MOST:
            done = [old for old, other in self.asked.items() if not other.witnesses]
            for old in (done or list(self.asked))[: _MOST // 2]:
                del self.asked[old]


# Who has not said yet who it is.
_UNKNOWN = ChildThread(ChildProcess(0), 0, 0)


class ChildConnection:
    """One connection of one thread."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport
        self.frames = Frames()
        self.key = next(_keys)
        self.owner = _UNKNOWN
        self.question = 0  # the number of the last one
        self.wait: ChildWait | None = None
        self._unsent = b""

    @property
    def process(self) -> int:
        """The process id of its child; 0 as long as it has not said who it is."""
        return self.owner.process.number

    def answer(self, message: Message) -> None:
        """Answer the last question; what is not sent at once is sent by `flush`."""
        self._unsent += pack((self.question, *message))
        self.flush()

    def flush(self) -> None:
        """Send what can be sent without waiting; who has died meanwhile gets no answer."""
        try:
            while self._unsent and (sent := self.transport.send(self._unsent)):
                self._unsent = self._unsent[sent:]
        except Closed:
            self._unsent = b""

    def is_behind(self) -> bool:
        """Return whether part of an answer could not be sent yet: the child is slow, or stopped."""
        return bool(self._unsent)


class ChildWait(Waiter):
    """The wait of a child's thread on the clock of this process."""

    __slots__ = ("_notify", "_patient", "_silent_until", "clock", "noted", "number", "process")

    def __init__(
        self,
        clock: VirtualClock,
        connection: ChildConnection,
        request: tuple[int, int, bool, int, bool],
        notify: Callable[[], object],
    ) -> None:
        number, span, patient, silence, self.noted = request
        now = clock.activity.monotonic_ns()
        self._notify = notify
        self._silent_until = now + silence if silence else None
        super().__init__(clock.now_ns(), now, span, patient=patient)
        self.clock = clock
        self.number = number
        self.thread = connection.key
        self.process = connection.process

    @property
    def patient(self) -> bool:
        """Whether real time has to pass."""
        if self._silent_until is None:
            return self._patient
        return self._patient and self.clock.activity.monotonic_ns() < self._silent_until

    @patient.setter
    def patient(self, value: bool) -> None:
        self._patient = value

    def notify(self) -> None:
        """Make the answering thread look again."""
        self._notify()
