"""Become kin: take the sessions of the parent for one's own, until it answers no more."""

from __future__ import annotations

import atexit
import os
from contextlib import suppress
from time import monotonic_ns
from typing import TYPE_CHECKING, Any

from pytest_fsfault._core.clock import RealClock
from pytest_fsfault._intercept.calls.state import Board
from pytest_fsfault._intercept.children.child.connection import Gone, Links
from pytest_fsfault._intercept.children.child.remote_clock import FarClock
from pytest_fsfault._intercept.children.child.remote_engine import FarEngine
from pytest_fsfault._intercept.children.rendezvous import page_of
from pytest_fsfault._intercept.children.shared_page import Page
from pytest_fsfault._intercept.virtual_time.threads import ThisProcess

if TYPE_CHECKING:
    from types import FrameType

    from pytest_fsfault._intercept.children.protocol import Message
    from pytest_fsfault._intercept.interceptor import Switch


class FarRealClock(RealClock):
    """Real time since the start of the parent's session."""

    def __init__(self, links: Links, now: int) -> None:
        super().__init__()
        self._start = monotonic_ns() - now
        self._links = links

    def note(self, began: int, span: int) -> None:
        """Record a wait that was sat out."""
        super().note(began, span)
        with suppress(Gone):
            self._links.ask("slept", began, span)


class Kinship:
    """What this process shares with its parent."""

    def __init__(self, switch: Switch, directory: str) -> None:
        self._switch = switch
        self._page = Page(page_of(directory))
        self._links = Links(directory)
        rules = self._links.hello()
        virtual, epoch, harness, now = rules[8:]
        clock: Any
        if virtual:
            clock = FarClock(ThisProcess(), self._links, self._page)
            clock.epoch = epoch
        else:
            clock = FarRealClock(self._links, now)
        switch.callers.add_harness(harness)
        self.engine = FarEngine(self._links, switch.callers, clock, self.leave, switch.board.bank)
        self._generation = self.engine.follow(rules)

    def starting(self, event: str, args: tuple[Any, ...], frame: FrameType | None) -> None:
        """Tell of a process that is about to start."""
        site = self._switch.callers.locate(frame)
        if site is not None:
            from pytest_fsfault._intercept.children.parent.started import started  # noqa: PLC0415  # for who starts one

            found = started(event, args, site, frame)
            if found is not None:
                self.engine.ask("start", *found)

    def changed(self) -> bool:
        """Return whether the parent's rules, roots or gates are others than those that are known here."""
        cells = self._page.cells
        return cells[1] != self._generation or not cells[0]

    def follow(self) -> None:
        """Take in what holds now."""
        if not self._page.alive:
            self.leave()
            return
        self._generation = self._page.generation
        answer = self.engine.ask("rules")
        if answer[0] == "rules":
            self._take(answer)

    def _take(self, rules: Message) -> None:
        self._generation = self.engine.follow(rules)
        self._switch.refresh()

    def leave(self) -> None:
        """Let this process be alone from now on."""
        global _kinship  # noqa: PLW0603  # a process has one parent
        if _kinship is self:
            _kinship = None
            self.engine.gate = False
            self._switch.stop(self.engine, lost=False)

    def tell(self) -> None:
        """Tell what has not been told when this process ends."""
        if _kinship is self:
            with suppress(BaseException):
                self.engine.tell_counts()


_kinship: Kinship | None = None
_live: Any = vars(Board)["live"]


class FarBoard(Board):
    """The board of a kin, which looks first whether anything has changed at its parent's."""

    __slots__ = ()

    @property
    def live(self) -> bool:
        """Whether an open session exists."""
        kinship = _kinship
        if kinship is not None and kinship.changed():
            kinship.follow()
        return _live.__get__(self)  # type: ignore[no-any-return]

    @live.setter
    def live(self, value: bool) -> None:
        _live.__set__(self, value)


def join(switch: Switch, directory: str) -> bool:
    """Become kin of the process that answers in `directory`; return whether there is one."""
    global _kinship  # noqa: PLW0603  # a process has one parent
    with switch.busy():
        try:
            kinship = Kinship(switch, directory)
        except (OSError, ValueError, Gone):
            return False
    _hook(switch, directory)
    switch.board.__class__ = FarBoard
    _kinship = kinship
    switch.board.starting = kinship.starting
    switch.join(kinship.engine)
    atexit.register(kinship.tell)
    return True


def start(directory: str) -> None:
    """Become kin in an interpreter that has dozed so far."""
    from pytest_fsfault._intercept.interceptor import switch  # noqa: PLC0415

    join(switch(), directory)


_directories: list[str] = []


def _hook(switch: Switch, directory: str) -> None:
    """Let what this process forks become kin as well, of the same parent; a fork server outlives its sessions."""
    if not _directories:
        os.register_at_fork(after_in_child=lambda: _forked(switch))
    _directories[:] = [directory]


def _forked(switch: Switch) -> None:
    global _kinship  # noqa: PLW0603  # a process has one parent
    _kinship = None
    switch.become_kin(_directories[0])
