"""Read the logs of child processes: what they tell without waiting for an answer."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pytest_fsfault._intercept.children.message_log import LogReader
from pytest_fsfault._intercept.children.parent.connections import ChildThread
from pytest_fsfault._intercept.children.protocol import Malformed, unpack
from pytest_fsfault._intercept.children.shapes import check, is_number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pytest_fsfault._intercept.children.parent.connections import ChildConnection, ChildProcess
    from pytest_fsfault._intercept.children.protocol import Message
    from pytest_fsfault._intercept.children.shapes import Question

_DONE = ("done",)
_NAME = re.compile(r"\d{1,20}-[0-9a-f]{8}")
_LEAST = 2  # the thread, and what is told
_MOST = 8  # logs of one process


class ChildLog:
    """One log, of one process."""

    def __init__(self, process: ChildProcess, reader: LogReader) -> None:
        self.process = process
        self.reader = reader
        self.over = False  # no writer is left


class Logs:
    """All logs; they are read by the thread that answers, and by no other.

    `tell` takes in one message in the name of a thread.
    """

    def __init__(
        self,
        directories: Callable[[], Iterable[str]],
        questions: Mapping[str, Question],
        thread_of: Callable[[ChildProcess, int], ChildThread | None],
        is_heard: Callable[[], bool],
    ) -> None:
        self._directories = directories
        self._questions = questions
        self._thread_of = thread_of
        self._is_heard = is_heard
        self.all: list[ChildLog] = []

    def open(self, connection: ChildConnection, name: str) -> Message:
        """Open the log of a process; and remove its name."""
        process = connection.owner.process
        if _NAME.fullmatch(name) is None or sum(log.process is process for log in self.all) >= _MOST:
            raise Malformed
        for directory in self._directories():
            try:
                self.all.append(ChildLog(process, LogReader(directory, name)))
            except (OSError, ValueError):
                continue
            return _DONE
        return ("alone",)

    def __bool__(self) -> bool:
        """Return whether there are any."""
        return bool(self.all)

    def has_more(self) -> bool:
        """Return whether something is unread that can be read now."""
        return self._is_heard() and any(log.reader.has_more() for log in tuple(self.all))

    def read(self, process: ChildProcess) -> tuple[int, int]:
        """Read what a process has logged so far; return how far its log was read."""
        place = (0, 0)
        for log in self.all:
            if log.process is process:
                self._read(log)
                place = log.reader.place
        return place

    def read_all(self) -> None:
        """Read what was logged so far; those that are over are closed."""
        if not self.all or not self._is_heard():
            return
        for log in self.all:
            self._read(log)
        over, self.all = (
            [log for log in self.all if log.over],
            [log for log in self.all if not log.over],
        )
        for log in over:
            log.reader.close()

    def end(self, process: ChildProcess) -> None:
        """Record that a process has ended, or talks no more."""
        for log in self.all:
            log.over |= log.process is process
        self.read_all()

    def is_making(self, task: int, operation: str) -> bool:
        """Return whether a thread, by the system's number, is making a call about which its process has decided."""
        return any(log.reader.is_making(task, operation) for log in self.all)

    def _read(self, log: ChildLog) -> None:
        if not self._is_heard() or not log.reader.has_more():
            return
        for body in log.reader.read():
            try:
                self._take(log.process, unpack(body))
            except Malformed:
                continue  # the next one has a beginning of its own

    def _take(self, process: ChildProcess, message: list[Any]) -> None:
        if len(message) < _LEAST or not is_number(message[0]) or type(message[1]) is not str:
            raise Malformed
        thread, verb, *arguments = message
        question = self._questions.get(verb)
        if question is None:
            raise Malformed
        check(question, arguments)
        owner = self._thread_of(process, thread) or ChildThread(process, thread, 0)
        question.answer(owner, *arguments)

    def close(self) -> None:
        """Give all of them up."""
        logs, self.all = self.all, []
        for log in logs:
            log.reader.close()
