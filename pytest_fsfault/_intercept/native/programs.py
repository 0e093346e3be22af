"""The native programs of this process: started under a filter while faults act, answered until they have ended."""

from __future__ import annotations

import os
import stat
import sys
import time
from _thread import get_ident
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_fsfault._core.engine.engine import Engine
from pytest_fsfault._host.originals import ORIGINALS
from pytest_fsfault._host.own_threads import is_there
from pytest_fsfault._host.processes import note_helper, started_at
from pytest_fsfault._intercept.native import bpf, possible
from pytest_fsfault._intercept.native.calls import Reader
from pytest_fsfault._intercept.native.judging import Judge
from pytest_fsfault._intercept.native.killing import filters, kill_below
from pytest_fsfault._intercept.native.notify import take
from pytest_fsfault._intercept.native.starting import Start
from pytest_fsfault._intercept.native.tree import EndedError, ProcessTree, Trees
from pytest_fsfault._intercept.native.wants import Wants, needs, wants

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from pytest_fsfault._intercept.calls.state import InterceptState
    from pytest_fsfault._intercept.native.judging import PythonChildren
    from pytest_fsfault._intercept.native.launch import Launch
    from pytest_fsfault._intercept.native.tree import Watch

_HOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "holder.py")
_STARTERS, _REMEMBERED = 16, 16
_PATIENCE = 0.1  # real seconds
_NOTHING = Wants(frozenset())
_real_sleep, _now = time.sleep, time.monotonic
_stat, _getxattr = ORIGINALS["os", "stat"], getattr(os, "getxattr", None)


class _Unasked(NamedTuple):
    """A program without a filter, since no rule could concern it: its process, its start, and the line that started it."""

    process: int
    started: int
    site: str


class Programs:
    """Start processes so that their calls are asked about, and answer; `mark` is what they have in their environment."""

    def __init__(
        self, state: InterceptState, watch: Watch, python: PythonChildren, mark: Callable[[], str]
    ) -> None:
        self._state = state
        self._mark = mark
        reader = Reader()
        judge = Judge(state, self.engines, python, reader.memory)
        self._trees = Trees(watch, judge, reader, self.tell)
        self._unasked: deque[_Unasked] = deque(maxlen=_REMEMBERED)
        self._starters: deque[int] = deque(maxlen=_STARTERS)  # the last threads that have started something

    @staticmethod
    def reservation() -> str:
        """Return what is not exact here; nothing where all is."""
        return possible.reservation()

    def engines(self) -> tuple[Engine, ...]:
        """Return the sessions that hold for native programs, the innermost first."""
        if self._state.shut:
            return ()
        return tuple(
            engine
            for engine in self._state.engines
            if isinstance(engine, Engine) and engine.gate and engine.native
        )

    def tell(self, told: str) -> None:
        """Note once what is not reached, or not as it should be."""
        for engine in self.engines()[:1]:
            if told not in engine.escapes:
                engine.escapes.append(told)

    def start(self, launch: Launch, site: str) -> tuple[Any, str]:
        """Start a process, under a filter if that is possible; return its outcome, and why it is not reached."""
        wanted = wants(self.engines())
        reason = "no rule could concern it" if wanted is None else _obstacle(launch)
        if reason or wanted is None:
            return self._start_unasked(launch, site, can_be_asked=wanted is None), reason
        try:
            return self._start_asked(launch, site, wanted)
        except EndedError:  # nothing was started
            return launch.real(True), "no session of faults was left"

    def _start_asked(self, launch: Launch, site: str, wanted: Wants) -> tuple[Any, str]:
        if launch.locks and not wanted.harmless:
            self.tell(
                f"reads, writes and closes of a program are not met that {launch.event} starts, at {site}"
            )
            wanted = Wants(wanted.changes)
        start, mark = _start(wanted, lambda: launch.real(wanted.harmless), self._state), self._mark()
        tree: list[ProcessTree] = []

        def listen(listener: int) -> None:
            tree.append(ProcessTree(listener, site, killable=start.killable, mark=mark))
            tree[0].starter, tree[0].wants = start.native, wanted
            self._trees.add(tree[0])

        start.listening = listen
        try:
            result = start.run()
        except EndedError:
            tree[0].close()
            raise
        self._starters.append(start.native)
        if start.failure is not None:
            return launch.real(True), possible.sentence(start.failure)
        if isinstance(result, int) and tree and launch.event != "os.system":
            tree[0].root = result
        return result, ""

    def _start_unasked(self, launch: Launch, site: str, *, can_be_asked: bool) -> Any:
        """Start a process without a filter; remember it if a later rule could concern it."""
        result = launch.real(True)
        if can_be_asked and launch.event != "os.system" and isinstance(result, int):
            self._unasked.append(_Unasked(result, started_at(result), site))
        return result

    def follow(self) -> None:
        """Note which rules came too late for a program that runs: what its filter asks about is settled at its start."""
        for engine in self.engines() if len(self._trees) or self._unasked else ():
            for armed in engine.plan.armed:
                for site in self._too_early_for(needs(armed.rule)):
                    armed.missed_by = (
                        f"a program that runs since {site} was started before it, "
                        "and does not meet it unless it is Python"
                    )

    def _too_early_for(self, asked: Wants) -> Iterator[str]:
        """Return where programs were started that run without being asked about something."""
        if any(not tree.wants.covers(asked) for tree in self._trees.running()):
            self.settle()  # a thread that has started a program has its filter, and may outlive it for a moment
            yield from [tree.site for tree in self._trees.running() if not tree.wants.covers(asked)]
        for one in () if _NOTHING.covers(asked) else tuple(self._unasked):
            if one.started and one.started == started_at(one.process):
                yield one.site
            else:
                self._unasked.remove(one)

    def settle(self) -> None:
        """Wait until the system has forgotten the threads that have started something: Python warns of forks beside them."""
        until = _now() + _PATIENCE
        with suppress(IndexError):  # another thread has waited meanwhile
            while self._starters:
                # A number may be that of another thread by now.
                while is_there(self._starters[0]) and _now() < until:
                    _real_sleep(0.0001)
                self._starters.popleft()

    def code(self, process: int) -> bytes | None:
        """Return the filter for a process that was forked; None if it needs none, or there can be none."""
        wanted = wants(self.engines())
        if wanted is None or possible.why_not():
            return None
        if not possible.can_take(process):
            self.tell(
                "what a forked process starts is not reached: this process may not look into it, ptrace(2)"
            )
            return None
        return _code(wanted)

    def adopt(self, process: int, descriptor: int, site: str) -> None:
        """Answer what a forked process, and whatever it starts, asks by a listener of its own. Raise OSError."""
        killable = possible.kernel() >= possible.KILLABLE
        tree = ProcessTree(take(process, descriptor), site, killable=killable, mark=self._mark())
        tree.root, tree.wants = process, wants(self.engines()) or Wants()
        self._trees.add(tree)

    @staticmethod
    def kill_below(process: int, spared: Collection[int]) -> None:
        """Kill what a process has started whose crash was decided, but for `spared` Python children, which hear of it."""
        kill_below(process, spared)

    @staticmethod
    def is_filtered(process: int) -> bool:
        """Return whether a process has a filter that this one has not."""
        return filters(str(process)) > filters("self")

    def end(self) -> None:
        """Answer no more: let the programs that live on go ahead with whatever they do."""
        left = self._trees.release()
        try:
            if left:
                _hold(left)
        finally:
            for tree in left:
                tree.close()

    def abandon(self) -> None:
        """Leave all programs to the process that this one was forked from."""
        self._trees.abandon()
        self._unasked.clear()

    def __len__(self) -> int:
        return len(self._trees)


def _code(wanted: Wants) -> bytes:
    return bpf.for_this_machine(wanted.changes | wanted.extra, reads=wanted.reads)


def _start(wanted: Wants, function: Callable[[], Any], state: InterceptState) -> Start:
    code = _code(wanted)

    def work() -> Any:
        # What it does is ours: no fault meets it, and no event of it starts anything.
        me = get_ident()
        state.own_threads.add(me)
        try:
            return function()
        finally:
            state.own_threads.discard(me)

    return Start(code, work)


def _obstacle(launch: Launch) -> str:
    """Return why a program is started without a filter; nothing if it need not be."""
    return launch.unfit or possible.why_not() or _privilege(launch.program)


def _privilege(program: str | bytes | None) -> str:
    """Return why a program must not have a filter: it would lose the privilege that its file gives."""
    if program is None or os.geteuid() == 0:
        return ""
    try:
        mode = _stat(program).st_mode
    except (OSError, ValueError):
        return ""
    if mode & (stat.S_ISUID | stat.S_ISGID):
        return "its file gives it the rights of another user, which it would lose"
    try:
        assert _getxattr is not None  # noqa: S101  # Linux has it
        _getxattr(program, "security.capability")
    except OSError:
        return ""
    return "its file gives it capabilities, which it would lose"


def _hold(trees: list[ProcessTree]) -> None:
    """Start a small program that answers in our place."""
    import subprocess  # noqa: PLC0415  # it is loaded once something was started

    listeners = [tree.listener.descriptor for tree in trees]
    # The second list is of those whose processes are to end.
    asked = [str(one) for one in listeners], [str(one.listener.descriptor) for one in trees if one.dead]
    command = [sys.executable, "-S", "-I", _HOLDER, *map(",".join, asked)]
    # It forks, tells the number and ends: what goes on is no child of ours, unless orphans come to this process.
    done = subprocess.run(  # noqa: S603
        command, stdin=-3, stdout=-1, stderr=-3, pass_fds=listeners, cwd="/", check=False
    )
    if done.stdout.isdigit():
        note_helper(int(done.stdout))
