"""State per connection; each thread of a child has its own connection."""

from __future__ import annotations

from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING, Any

from pytest_fsfault._core.waiter import Waiter
from pytest_fsfault._intercept.children.protocol import Frames, pack

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_fsfault._core.clock import VirtualClock
    from pytest_fsfault._core.engine.engine import Engine
    from pytest_fsfault._core.engine.execution import PendingCall
    from pytest_fsfault._intercept.children.protocol import Message

# Waits of children are keyed by negative numbers, which no thread of this process has.
_keys = count(-2, -1)


# So many calls of one thread may be under way, one within the other, before the oldest are forgotten.
_MOST = 256


class ChildConnection:
    """One connection: one thread of one process."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.frames = Frames()
        self.key = next(_keys)
        self.process = 0
        self.thread = 0  # as Python numbers it
        self.native = 0  # as the system numbers it
        self.asked: dict[int, tuple[PendingCall, Engine | None]] = {}  # what is under way, by its number
        self.going = ""  # the operation that it is about to make, of which it will tell no more
        self.wait: ChildWait | None = None
        self.clock: VirtualClock | None = None  # the clock whose jumps it bars

    def remember(self, number: int, case: PendingCall, decider: Engine | None) -> None:
        """Keep what is under way; of what nobody waits for, only the latest."""
        self.asked[number] = case, decider
        if len(self.asked) > _MOST:
            done = [old for old, (other, _) in self.asked.items() if not other.witnesses]
            for old in done[: _MOST // 2]:
                del self.asked[old]

    def send(self, message: Message) -> None:
        """Answer; who has died meanwhile gets none."""
        with suppress(OSError):
            self.connection.sendall(pack(message))


class ChildWait(Waiter):
    """The wait of a child's thread on the clock of this process."""

    __slots__ = ("_notify", "_patient", "_silent_until", "clock", "noted", "number")

    def __init__(
        self, clock: VirtualClock, connection: ChildConnection, request: Message, notify: Callable[[], object]
    ) -> None:
        number, span, patient, silence, self.noted = request
        now = clock.activity.monotonic_ns()
        self._notify = notify
        self._silent_until = now + silence if silence else None
        super().__init__(clock.now_ns(), now, span, patient=patient)
        self.clock = clock
        self.number = number
        self.thread = connection.key

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
        """Make whoever answers look again."""
        self._notify()
