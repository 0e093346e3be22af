"""What a child tells its parent without waiting for an answer: messages in memory that both have.

A child writes; its parent reads when the child asks something, when the journal is read, and when the child has
ended, however that came about: what was written is there, since the memory is the file's and not the process's. The
number of a message's bytes stands before it, twice, and one more as soon as it is whole.

Nothing is locked, since a signal handler, a finaliser or another thread may come between any two calls: the steps
that must not be divided contain no call, and so are not.
"""

from __future__ import annotations

import os
from _thread import _local, get_native_id
from typing import TYPE_CHECKING, Any

from pytest_fsfault._core.language.operations import OPERATIONS, is_same_call
from pytest_fsfault._intercept.children.rendezvous import log_of, remove_private
from pytest_fsfault._intercept.children.shared_page import mapped

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Bytes of a log; a message that does not fit is sent as a question.
SIZE = 1 << 18
# Cells of eight bytes: how often the log was begun anew, where it ends, and the calls that threads are making.
_EPOCH, _END, _CALLS = range(3)
_THREADS = 120
_START = 8 * (_CALLS + _THREADS)
_CELL = 8
_LIMIT = SIZE - _CELL  # the last one is marked where memory has a name
_NAMES = tuple(OPERATIONS)
_PLACES = {name: place for place, name in enumerate(_NAMES)}
_PLACE_BITS = 8

assert len(_NAMES) < 1 << _PLACE_BITS  # noqa: S101  # a call is one number


class _Slot:
    """The cell in which one thread says which call it makes; free again with its end."""

    __slots__ = ("_free", "cell", "thread")

    def __init__(self, free: list[int]) -> None:
        self._free = free
        self.cell = free.pop()
        self.thread = get_native_id() << _PLACE_BITS

    def __del__(self) -> None:
        self._free.append(self.cell)


class LogWriter:
    """The log of this process.

    Raises:
        OSError: if there is no room for it.

    """

    def __init__(self, directory: str) -> None:
        self.name = f"{os.getpid()}-{os.urandom(4).hex()}"
        try:
            self._map: Any = mapped(log_of(directory, self.name), SIZE, create=True)
        except BaseException:
            remove_private(log_of(directory, self.name))
            raise
        self._cells = memoryview(self._map).cast("q")
        self._cells[_END] = _START
        self._free = list(range(_CALLS, _CALLS + _THREADS))
        self._local: Any = _local()

    # Hot: for each call that is written down here.
    def put(self, body: bytes) -> bool:
        """Write a message; return whether there was room."""
        length = len(body)
        size = _CELL + (length + _CELL - 1 & -_CELL)
        # From here on in one step, see above: the room is taken, and its size is known to who reads.
        cells = self._cells
        start = cells[_END]
        end = start + size
        if end > _LIMIT:
            return False
        cells[start >> 3], cells[_END] = length << 1, end
        # By their names: in a forked process they lead nowhere.
        self._map[start + _CELL : start + _CELL + length] = body
        self._cells[start >> 3] = length << 1 | 1
        return True

    def restart(self, epoch: int, end: int) -> None:
        """Begin anew, if nothing was written since the parent has read as far as `end`."""
        cells = self._cells
        if cells[_EPOCH] == epoch and cells[_END] == end:
            cells[_END] = _START
            cells[_EPOCH] = epoch + 1

    def mark(self, operation: str) -> int | None:
        """Say that this thread is about to make a call; return what it said before, None if the log is full."""
        slot = getattr(self._local, "slot", None)
        if slot is None:
            if not self._free:
                return None
            slot = self._local.slot = _Slot(self._free)
        before = self._cells[slot.cell]
        self._cells[slot.cell] = slot.thread | _PLACES[operation] + 1
        return before

    def unmark(self, before: int) -> None:
        """Say what was said before the last `mark`."""
        slot = getattr(self._local, "slot", None)
        if slot is not None:
            self._cells[slot.cell] = before

    def sever(self) -> None:
        """In a forked child: leave the log to the process that was forked."""
        self._map = bytearray(SIZE)
        self._cells = memoryview(bytearray(SIZE)).cast("q")


class LogReader:
    """The log of a child.

    Raises:
        OSError: if it is none that is ours.

    """

    def __init__(self, directory: str, name: str) -> None:
        path = log_of(directory, name)
        self._map: Any = mapped(path, SIZE)
        remove_private(path)
        self._cells = memoryview(self._map).cast("q")
        self._epoch = 0
        self._read = _START

    def has_more(self) -> bool:
        """Return whether something was written since the last time."""
        return self._cells[_END] != self._read or self._cells[_EPOCH] != self._epoch

    @property
    def place(self) -> tuple[int, int]:
        """How far it was read: how often it was begun anew, and where it ended."""
        return self._epoch, self._read

    def read(self) -> Iterator[bytes]:
        """Yield the messages that were written since the last time.

        The last one, if it is not whole, is being written at this moment, or its process was killed; others that are
        not whole were interrupted, and are passed over.
        """
        cells = self._cells
        epoch, end = cells[_EPOCH], cells[_END]
        if epoch != self._epoch:
            self._epoch, self._read = epoch, _START
        while self._read < min(end, _LIMIT):
            head, start = cells[self._read >> 3], self._read + _CELL
            length = head >> 1
            if not 0 <= length <= _LIMIT - start:
                self._read = end
                return
            after = start + (length + _CELL - 1 & -_CELL)
            if not head & 1 and after >= end:
                return
            self._read = after
            if head & 1:
                yield self._map[start : start + length]

    def is_making(self, task: int, operation: str) -> bool:
        """Return whether a thread, by the system's number, is making a call that was decided about."""
        for said in self._cells[_CALLS : _CALLS + _THREADS]:
            if said >> _PLACE_BITS == task:
                place = (said & (1 << _PLACE_BITS) - 1) - 1
                return 0 <= place < len(_NAMES) and is_same_call(_NAMES[place], operation)
        return False

    def close(self) -> None:
        """Let go of the memory."""
        self._cells.release()
        self._map.close()
