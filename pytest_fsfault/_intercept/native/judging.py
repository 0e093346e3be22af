"""Decide about the calls of native programs: the same question as for any other call, and an answer to a kernel."""

from __future__ import annotations

import errno
import os
import re
from typing import TYPE_CHECKING, NamedTuple, Protocol

from pytest_fsfault._core.engine.endings import RetryStorm, SimulatedCrash
from pytest_fsfault._core.engine.execution import Action, decide
from pytest_fsfault._core.language.operations import Operation
from pytest_fsfault._host.processes import process_of
from pytest_fsfault._intercept.native import memory
from pytest_fsfault._intercept.native.bpf import WRITING
from pytest_fsfault._intercept.native.calls import Maker, is_written

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_fsfault._core.engine.engine import Engine
    from pytest_fsfault._core.engine.execution import PendingCall
    from pytest_fsfault._core.language.faults import Fault
    from pytest_fsfault._intercept.calls.state import InterceptState
    from pytest_fsfault._intercept.native.calls import Call


class Reply(NamedTuple):
    """What a call gets: it goes ahead, fails with `errno`, or returns 0 without being made; or its tree dies.

    With `seconds` that comes later: `then` returns the reply.
    """

    kind: str  # "proceed", "refuse", "give", "kill" or "later"
    errno: int = 0
    seconds: float = 0.0
    then: Callable[[], Reply] | None = None


PROCEED, GIVE, KILL = Reply("proceed"), Reply("give"), Reply("kill")


class PythonChildren(Protocol):
    """What is known of the Python children, whose calls are decided about before they are made."""

    def has_asked(self, task: int, operation: str) -> bool:
        """Return whether a thread has asked about the call that it makes now."""

    def is_attached(self, task: int) -> bool:
        """Return whether a thread belongs to a process that decides by itself what needs no decision."""


class Asker(NamedTuple):
    """A thread that asks: the process that it belongs to, and whether it has the rights of this process."""

    process: int
    is_like_us: bool


class Origin(Protocol):
    """The tree of processes that a call comes from."""

    site: str  # the line that started it
    estranged: bool  # sees another file system than this process
    killable: bool  # a call that was received is not begun anew
    constant: bool  # nobody in it has changed its rights so far
    known: dict[tuple[int, str], Asker]  # by thread and program, while that is so


class Judge:
    """Answer for the sessions of this process; one thread alone may use an instance."""

    def __init__(
        self, state: InterceptState, engines: Callable[[], tuple[Engine, ...]], python: PythonChildren
    ) -> None:
        self._state = state
        self._engines = engines
        self._python = python
        self._maker = Maker()
        self._rights = os.geteuid(), os.getegid()

    def judge(self, call: Call, origin: Origin, is_valid: Callable[[], bool]) -> Reply:
        """Return what becomes of a call."""
        engines = self._engines()
        watched = self._state.watched
        if not engines or not (watched(call.path) or (call.target is not None and watched(call.target))):
            return PROCEED
        executable = memory.executable_of(call.task)
        program = executable.rpartition("/")[2]
        if _is_exempt(program, call) or self._python.has_asked(call.task, call.operation):
            return PROCEED
        operation = _operation(call, program, origin.site)
        if operation.name == "os.close" and not operation.detail:
            return PROCEED
        engines = tuple(engine for engine in engines if engine.covers(operation))
        if not any(_concerned(engine, operation) for engine in engines):
            if not self._python.is_attached(call.task):
                for engine in engines:
                    engine.count(operation.name, 1, [operation.path])
            return PROCEED
        return _Case(self, call, operation, origin, self._asker(call, origin, executable), is_valid).decide(
            engines
        )

    def _asker(self, call: Call, origin: Origin, executable: str) -> Asker:
        # What is known of a thread holds as long as it runs that program, and nobody in its tree changes rights.
        key = call.task, executable
        known = origin.known.get(key)
        rights = os.geteuid(), os.getegid()
        if known is None or rights != self._rights:
            if rights != self._rights:
                self._rights = rights
                origin.known.clear()
            known = Asker(process_of(call.task), memory.is_like_us(call.task))
            if origin.constant:
                origin.known[key] = known
        return known

    def can_make(self, call: Call, origin: Origin, asker: Asker) -> bool:
        """Return whether this process may make a call in the place of the one that waits, with the same outcome."""
        if (
            not asker.is_like_us
            or not origin.killable
            or origin.estranged
            or None in call.given
            or not call.given
        ):
            return False
        # A mask for new files changes without a question.
        return ("mkdir" not in call.syscall and not call.goes_ahead) or memory.has_our_mask(call.task)

    @property
    def maker(self) -> Maker:
        """What makes calls here."""
        return self._maker

    def stack(self, operation: Operation, call: Call, site: str) -> tuple[tuple[str, int], ...]:
        """Return what stands for the lines that are at work: a native program has none but the one that started it."""
        file, _, line = site.rpartition(":")
        return (kind_of(operation, call.syscall), 0), (file, int(line or 0))


def _operation(call: Call, program: str, site: str) -> Operation:
    detail: object = None
    if call.operation == "os.open":
        detail = call.flags
    elif call.operation == "os.chmod":
        detail = call.mode
    elif call.operation == "os.close":
        detail = is_written(call.task, call.arguments[0])
    return Operation(
        call.operation, call.path, call.target, call.groups, call.path, call.target,
        f"{site} {program}: {call.syscall}", detail=detail, program=program,
    )  # fmt: skip


# What Python and what measures it write for themselves, beside the code under test.
_FOR_ITSELF = re.compile(r"/__pycache__(/|\Z)|\.pyc(\.\d+)?\Z|/\.coverage[^/]*\Z|/\.pytest_cache(/|\Z)")


def _is_exempt(program: str, call: Call) -> bool:
    if not program.startswith("python"):
        return False
    # What it imports it opens for reading, and whatever else it reads that way it asks about by itself.
    reads = call.operation == "os.open" and not call.flags & WRITING
    return reads or _FOR_ITSELF.search(call.target or call.path) is not None


def _concerned(engine: Engine, operation: Operation) -> bool:
    return (
        engine.observing
        or engine.ended is not None
        or engine.model is not None
        or bool(engine.plan.matching(operation, engine.roots))
    )


# Names that differ from run to run: those of temporary files, and those made of digits of a hash.
_RANDOM = re.compile(r"\.?tmp[\w-]{3,}|[0-9a-f]{8,}|(?<=[-._])[0-9A-Za-z_-]{20,}", re.IGNORECASE)


def kind_of(operation: Operation, syscall: str) -> str:
    """Return what the like calls of one program have in common: program, call, folder and suffix.

    Names in the folder that are new in each run are blanked.
    """
    folder, _, name = (operation.target or operation.path).rpartition("/")
    suffix = os.path.splitext(name)[1]
    return f"{operation.program}: {syscall} {_RANDOM.sub('*', folder)}/*{_RANDOM.sub('*', suffix)}"


def _as_it_is(_winerror: int | None, number: int) -> int:
    return number


class _Case:
    """One call, from the question to the reply."""

    def __init__(
        self, judge: Judge, call: Call, operation: Operation, origin: Origin, asker: Asker,
        is_valid: Callable[[], bool],
    ) -> None:  # fmt: skip
        self._judge = judge
        self._call = call
        self._operation = operation
        self._origin = origin
        self._is_valid = is_valid
        self._asker = asker
        self._standing = (call.goes_ahead or call.can_be_made_here) and judge.can_make(call, origin, asker)
        # Whoever waits closes its file itself, which cannot fail: as good as done.
        self._closes = operation.name == "os.close"
        self._here = self._closes or (self._standing and call.can_be_made_here)
        self._case: PendingCall | None = None
        self._unix_errno: Callable[[int | None, int], int] = _as_it_is

    def decide(self, engines: tuple[Engine, ...]) -> Reply:
        # A call that is not made here goes ahead as one that was bound early: nobody tells what becomes of it.
        operation = self._operation._replace(early_bound=not self._here)
        act = Action(self._make, at=self._make_at)
        stack = None
        if any(engine.trial for engine in engines):  # a sweep asks for the lines that are at work
            stack = self._judge.stack(operation, self._call, self._origin.site)
        self._unix_errno = engines[0].unix_errno
        try:
            with self._judge._state.callers.speaking_for(stack):
                case, decision, decider = decide(engines, operation, act)
            self._case = case
            case.who = self._call.task, self._asker.process
            if decision is None or decider is None:
                return self._let()
            return self._act(case, decision.fault, decider)
        except (SimulatedCrash, RetryStorm):
            return KILL

    def _act(self, case: PendingCall, fault: Fault, decider: Engine) -> Reply:
        if fault.kind == "crash":
            case.note("crashed", decider.ended)
            return Reply("kill", then=lambda: self._end(decider))
        if fault.kind == "delay":
            return Reply("later", seconds=fault.seconds, then=self._let_later)
        if fault.kind == "short" or (fault.after and not self._can_come_first()):
            what = "cut short" if fault.kind == "short" else "made before its error"
            decider.escapes.append(
                f"{case.handling.reason}: a native program's call cannot be {what}, at {self._operation.call_site}"
            )
            case.handling = case.handling._replace(fault=None, reason=f"{case.handling.reason}; not {what}")
            return self._let()
        if fault.after:
            try:
                self._make_first(case)
            except OSError as error:
                return self._refuse(error)
        refusal = case.refusal(fault, decider)
        case.note("raised", refusal)
        assert fault.error is not None  # noqa: S101  # only errors are left
        return Reply("refuse", self._unix_errno(fault.error.winerror, fault.error.errno))

    @staticmethod
    def _end(decider: Engine) -> Reply:
        decider.on_end()
        return KILL

    def _let_later(self) -> Reply:
        try:
            return self._let()
        except (SimulatedCrash, RetryStorm):
            return KILL

    def _let(self) -> Reply:
        """Let the call happen: made here, where its outcome is then known, or by the one who waits."""
        case = self._case
        assert case is not None  # noqa: S101  # decided before
        if self._here and not self._is_valid():
            return PROCEED  # whoever asked has died
        try:
            if self._here:
                case.perform()
            else:
                case.act.passed()  # which raises what a model knows to fail
        except OSError as error:
            return self._refuse(error)
        case.note("ok" if self._here else "passed")
        return GIVE if self._here and not self._closes else PROCEED

    def _refuse(self, error: OSError) -> Reply:
        """Return how a program meets an error, which a model may have put in the place of the system's."""
        number = self._unix_errno(getattr(error, "winerror", None), error.errno or errno.EIO)
        return Reply("refuse", number)

    def _can_come_first(self) -> bool:
        return self._is_valid() and (
            (self._here and not self._closes) or (self._standing and self._call.goes_ahead)
        )

    def _make_first(self, case: PendingCall) -> None:
        if self._here:
            case.perform()
            return
        try:
            self._judge.maker.open(self._call)
        except OSError as error:
            case.note("failed", error)
            raise

    def _make(self) -> None:
        if not self._closes:
            self._judge.maker.make(self._call)

    def _make_at(self, path: str, target: str | None) -> None:
        """Make the call where a model wants it: a name may be spelled otherwise than the program spells it."""
        call = self._call
        if self._closes:
            return
        asked = [end for end in (call.path, call.target) if end is not None]
        ends = [end for end in (path, target) if end is not None]
        if call.operation == "os.symlink":  # whose first end is no path of a file
            asked, ends = asked[1:], ends[1:]
        given = [
            here if end == before else os.fsencode(end)
            for here, end, before in zip(call.given, ends, asked, strict=True)
        ]
        self._judge.maker.make(call, tuple(one for one in given if one is not None))
