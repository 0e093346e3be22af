"""Who holds a file on Windows, as its Restart Manager tells: by name, without administrator rights.

https://learn.microsoft.com/windows/win32/rstmgr/restart-manager-portal. Wine has the functions, and they name no process:
its session key is empty, which means "not known" and never "no process".
"""

from __future__ import annotations

import sys
from errno import EACCES
from time import monotonic
from typing import TYPE_CHECKING, Protocol

from pytest_fsfault._core.language.rows import Row

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_MORE_DATA = 234  # ERROR_MORE_DATA: there are more processes than there was room for
_REFUSALS = frozenset({5, 32})  # ERROR_ACCESS_DENIED, ERROR_SHARING_VIOLATION
_LIMIT = 0.1  # real seconds for one file
_BUDGET = 1.0  # real seconds for all files of a test
_NO_MORE = "Windows is not asked who holds it, nor for later calls: that took 1 s in this test so far"
_ROOM = 4  # processes at first
#: Why a session must be begun anew: another one has ended meanwhile (ERROR_BAD_ARGUMENTS, ERROR_SEM_TIMEOUT).
_AGAIN = frozenset({160, 121})


class Holder(Row):
    """A process that has a file open: its number, and the name that Windows shows for it."""

    process: int
    name: str

    def __str__(self) -> str:
        return f"{self.name or 'a program'} (process {self.process})"


class RestartManager(Protocol):
    """The functions of rstrtmgr.dll; each returns Windows' error code first, 0 if there is none."""

    def start(self) -> tuple[int, int, str]:
        """Begin a session: return its handle and its key (RmStartSession)."""
        ...

    def register(self, session: int, path: str) -> int:
        """Name the file that it is about (RmRegisterResources)."""
        ...

    def holders(self, session: int, room: int) -> tuple[int, int, Sequence[tuple[int, str]]]:
        """Return how many hold it, and numbers and names of as many as there is `room` for (RmGetList)."""
        ...

    def end(self, session: int) -> int:
        """End a session (RmEndSession)."""
        ...


def holders(
    path: str, manager: RestartManager, clock: Callable[[], float] = monotonic
) -> list[Holder] | None:
    """Return who has a file open; None if that is not known, or was not found out within 100 ms."""
    until = clock() + _LIMIT
    while clock() < until:
        code, session, key = manager.start()
        if code:
            return None
        try:
            code, found = _ask(manager, session, path, lambda: clock() < until) if key else (0, None)
        finally:
            manager.end(session)
        if code not in _AGAIN:
            return found
    return None


def _ask(
    manager: RestartManager, session: int, path: str, may_go_on: Callable[[], bool]
) -> tuple[int, list[Holder] | None]:
    code = manager.register(session, path)
    room = _ROOM
    while not code and may_go_on():
        code, needed, found = manager.holders(session, room)
        if not code:
            return 0, [Holder(*one) for one in found]
        if code == _MORE_DATA:
            # Others may open it meanwhile: room for more than there were.
            code, room = 0, max(needed, room) + _ROOM
    return code, None


class HolderQuestions:
    """Say who stands behind the errors that the system itself raises, for one second in all from a `begin` to the next.

    `ask` returns who has a file open, None if that is not known; `clock` tells real seconds.
    """

    def __init__(
        self, ask: Callable[[str], list[Holder] | None], clock: Callable[[], float] = monotonic
    ) -> None:
        self._ask = ask
        self._clock = clock
        self._spent = 0.0
        self._told = False

    def begin(self) -> None:
        """Begin anew: with the next test."""
        self._spent, self._told = 0.0, False

    def explain(self, path: str, error: OSError) -> str:
        """Return who stands behind an error, if it is a refusal; nothing where that is not known."""
        if not refused(error):
            return ""
        if self._spent >= _BUDGET:
            told, self._told = self._told, True
            return "" if told else _NO_MORE
        began = self._clock()
        found = self._ask(path.replace("/", "\\"))
        self._spent += self._clock() - began
        return f"held by {', '.join(map(str, found))}" if found else ""


def refused(error: OSError) -> bool:
    """Return whether an error of Windows is a refusal: 5 or 32, which `open` reports as EACCES of the C runtime."""
    number = getattr(error, "winerror", None)
    return number in _REFUSALS or (error.errno == EACCES and not number)


def who_holds(path: str) -> list[Holder] | None:
    """Return who has a file open on this system; None if that is not known."""
    if sys.platform == "win32":
        from pytest_fsfault._host.windows_api import restart_manager  # noqa: PLC0415

        manager = restart_manager()
        return None if manager is None else holders(path, manager)
    return None


_questions = HolderQuestions(who_holds)


def explain(path: str, error: OSError) -> str:
    """Return who stands behind an error that Windows itself has raised; nothing elsewhere."""
    return _questions.explain(path, error) if sys.platform == "win32" else ""


def begin_test() -> None:
    """Let questions of the test that begins take as long as those of the one before could."""
    _questions.begin()
