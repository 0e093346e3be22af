"""Act one decided call of a native program out: refuse it, make it, let it happen, delay it, or end its tree."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from pytest_fsfault._core.engine.counts import ends_text
from pytest_fsfault._core.engine.endings import RetryStorm, SimulatedCrash
from pytest_fsfault._core.engine.pending import Action, PendingCall, decide
from pytest_fsfault._core.engine.records import Handling
from pytest_fsfault._core.language.random_names import blanked
from pytest_fsfault._intercept.native import memory
from pytest_fsfault._intercept.native.replies import GIVE, KILL, PROCEED, Reply

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_fsfault._core.engine.engine import Engine
    from pytest_fsfault._core.engine.interfaces import Sessions
    from pytest_fsfault._core.engine.records import Decision, Outcome
    from pytest_fsfault._core.language.operations import Operation
    from pytest_fsfault._intercept.native.calls import Call
    from pytest_fsfault._intercept.native.making import Maker
    from pytest_fsfault._intercept.native.replies import Asker, Origin
    from pytest_fsfault._intercept.patching.callers import Callers


def kind_of(operation: Operation, syscall: str) -> str:
    """Return what the like calls of one program have in common: program, call, folder and suffix.

    Names in the folder that are new in each run are blanked.
    """
    folder, _, name = blanked(operation.target or operation.path).rpartition("/")
    return f"{operation.program}: {syscall} {folder}/*{os.path.splitext(name)[1]}"


def _stack(operation: Operation, syscall: str, site: str) -> tuple[tuple[str, int], ...]:
    """Return what stands for the lines that are at work: a program has none but the one that started it."""
    file, _, line = site.rpartition(":")
    return (kind_of(operation, syscall), 0), (file, int(line or 0))


def can_make(call: Call, origin: Origin, asker: Asker) -> bool:
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
    return "mkdir" not in call.syscall or memory.has_our_mask(call.task)


def _as_it_is(_winerror: int | None, number: int) -> int:
    return number


def _spelled(call: Call, asked: list[str], ends: list[str]) -> tuple[bytes, ...]:
    """Return the paths of a call as the program gave them, but for those that are to be others."""
    given = zip(call.given, ends, asked, strict=True)
    found = (here if end == before else os.fsencode(end) for here, end, before in given)
    return tuple(one for one in found if one is not None)


class AskedCall:
    """One call, from the question to the reply."""

    def __init__(
        self, maker: Maker, callers: Callers, call: Call, operation: Operation, origin: Origin, asker: Asker,
        ident: int,
    ) -> None:  # fmt: skip
        self._maker = maker
        self._callers = callers
        self._call = call
        self._operation = operation
        self._origin = origin
        self._ident = ident
        self._asker = asker
        # The waiting thread closes its file itself, which does not fail: as good as done.
        self._closes = operation.name == "os.close"
        self._here = self._closes or (call.can_be_made_here and can_make(call, origin, asker))
        self._case: PendingCall | None = None
        self._unix_errno: Callable[[int | None, int], int] = _as_it_is

    def reply(self, engines: tuple[Engine, ...]) -> Reply:
        """Return what becomes of the call."""
        if all([engine.only_records(self._operation) for engine in engines]):  # noqa: C419  # no generator: it is hot
            return self._record(engines)
        return self._decide(engines)

    def _decide(self, engines: tuple[Engine, ...]) -> Reply:
        """Ask the sessions, and act out what they say."""
        # A call that is not made here goes ahead as one that was bound early: its result stays unknown.
        operation = self._operation if self._here else self._operation._replace(early_bound=True)
        act = Action(self._make, at=self._make_at)
        self._unix_errno = engines[0].unix_errno
        try:
            if any([engine.trial for engine in engines]):  # noqa: C419  # a sweep asks for the lines that are at work
                with self._callers.speaking_for(_stack(operation, self._call.syscall, self._origin.site)):
                    case = decide(engines, operation, act)
            else:
                case = decide(engines, operation, act)
            self._case = case
            case.who = self._call.task, self._asker.process
            if case.decision is None or case.decider is None:
                return self._let()
            if self._fails_alike(case.decision):
                case.decision = None
                return self._let()
            return self._act(case, case.decision, case.decider)
        except (SimulatedCrash, RetryStorm):
            return KILL

    # Hot: a session that observes has each call of a program come here.
    def _record(self, engines: tuple[Engine, ...]) -> Reply:
        """Let a call happen about which no session has anything to decide, and write it down."""
        operation, reply, why = self._operation, PROCEED, ""
        outcome: Outcome = "passed"
        failure: OSError | None = None
        at, ends = engines[0].clock.now, ends_text(operation.path, operation.target)
        for engine in engines:
            engine.counter(operation.name, ends)
        if self._here:
            if not self._origin.is_valid(self._ident):
                return PROCEED  # the thread that asked has died
            try:
                self._make()
            except OSError as error:
                outcome, failure, why = "failed", error, PendingCall.explain(operation.path, error)
                self._unix_errno = engines[0].unix_errno
                reply = self._refuse(error)
            else:
                outcome, reply = "ok", PROCEED if self._closes else GIVE
        who, handling = (self._call.task, self._asker.process), Handling(None, why, at)
        for engine in engines:
            engine.record(operation, handling, outcome, failure, who)
            engine.watch_for_storm(operation, outcome)
        return reply

    def _fails_alike(self, decision: Decision) -> bool:
        """Return whether a call that failed in a recorded run is made, since nothing comes of it or it fails here, too."""
        error = decision.fault.error
        if not decision.unless_alike or error is None or "mutate" not in self._operation.groups:
            return False
        return PendingCall.may_try(self._operation, error.errno)

    def _act(self, case: PendingCall, decision: Decision, decider: Sessions) -> Reply:
        fault = decision.fault
        if fault.kind == "crash":
            case.note("crashed", decider.ended)
            return Reply("kill", then=lambda: self._end(decider))
        if fault.kind == "delay":
            return Reply("later", seconds=fault.seconds, then=self._let_later)
        if fault.kind == "short" or (fault.after and not self._can_come_first()):
            what = "cut short" if fault.kind == "short" else "made before its error"
            decider.escape(
                f"{decision.reason}: a native program's call was not {what}, at {self._operation.call_site}"
            )
            case.decision, case.remark = None, f"{decision.reason}; not {what}"
            return self._let()
        if fault.after:
            refused = case.ask_models()
            if refused is not None:
                return self._raised(case, refused)
            try:
                self._make_first(case)
            except OSError as error:
                return self._refuse(error)
        return self._raised(case, decision)

    def _raised(self, case: PendingCall, decision: Decision) -> Reply:
        """Write a refusal down, and return how the program meets it."""
        error = decision.fault.error
        assert error is not None  # noqa: S101  # only errors are left
        case.note("raised", case.refusal(decision))
        if self._closes:  # close(2): a file is closed whatever close says, and Python's are, too
            self._origin.close_for(self._ident, self._call.arguments[0])
        return Reply("refuse", self._unix_errno(error.winerror, error.errno))

    @staticmethod
    def _end(decider: Sessions) -> Reply:
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
        if self._here and not self._origin.is_valid(self._ident):
            return PROCEED  # the thread that asked has died
        refused = case.ask_models()
        if refused is not None:
            return self._raised(case, refused)
        try:
            if self._here:
                case.perform()
            else:
                case.pass_on()  # which raises what a model knows to fail
        except OSError as error:
            return self._refuse(error)
        case.note("ok" if self._here else "passed")
        return GIVE if self._here and not self._closes else PROCEED

    def _refuse(self, error: OSError) -> Reply:
        """Return how a program meets an error, which a model may have put in the place of the system's."""
        number = self._unix_errno(getattr(error, "winerror", None), error.errno or errno.EIO)
        return Reply("refuse", number)

    def _can_come_first(self) -> bool:
        call = self._call
        return self._origin.is_valid(self._ident) and (
            (self._here and not self._closes)
            or (
                call.goes_ahead
                and memory.has_our_mask(call.task)
                and can_make(call, self._origin, self._asker)
            )
        )

    def _make_first(self, case: PendingCall) -> None:
        if self._here:
            case.perform()
            return
        try:
            self._maker.open(self._call)
        except OSError as error:
            case.note("failed", error)
            raise

    def _make(self) -> None:
        if not self._closes:
            self._maker.make(self._call)

    def _make_at(self, path: str, target: str | None) -> None:
        """Make the call where a model wants it: a name may be spelled otherwise than the program spells it."""
        call = self._call
        if self._closes:
            return
        asked = [end for end in (call.path, call.target) if end is not None]
        ends = [end for end in (path, target) if end is not None]
        if call.operation == "os.symlink":  # whose first end is no path of a file
            asked, ends = asked[1:], ends[1:]
        self._maker.make(call, _spelled(call, asked, ends))
