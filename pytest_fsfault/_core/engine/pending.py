"""Decide about one call: ask the rules of all sessions, then their models, and keep the answers until it is over."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from pytest_fsfault._core.engine.records import Handling
from pytest_fsfault._core.engine.trial_marks import belongs_to
from pytest_fsfault._core.language.rows import Row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pytest_fsfault._core.engine.interfaces import (
        Answer,
        Answered,
        Doing,
        ModelView,
        Ruling,
        Sessions,
        Witness,
    )
    from pytest_fsfault._core.engine.records import Decision, Outcome
    from pytest_fsfault._core.language.operations import Operation

# pytest leaves the frames of this module out of tracebacks: they are not the user's.
__tracebackhide__ = True

#: Whatever becomes of a close, the descriptor is gone afterwards (close(2), _close of the C runtime).
CLOSES = frozenset({"os.close", "file.close"})

_EARLY = {False: "bound early", True: "bound early, os.rename or os.replace"}


class Action(Row):
    """How the interceptor does what was asked, whole or in part."""

    perform: Callable[[], Any]
    discard: Callable[[Any], object] = lambda _result: None  # undo nothing, but leak nothing either
    short: Callable[[int], Any] | None = None
    at: Callable[[str, str | None], Any] | None = None  # the same call on other paths
    passed: Callable[[], object] = lambda: None  # called when a call goes ahead whose result is not seen


class PendingCall:
    """One call from the first question until its outcome is written down.

    `asked` is the operation as the caller has spelled it, `operation` as rules and the journal know it.
    """

    __slots__ = (
        "act",
        "answers",
        "asked",
        "at",
        "decider",
        "decision",
        "judged",
        "make",
        "operation",
        "pass_on",
        "remark",
        "rulings",
        "who",
        "witnesses",
    )

    #: Says who stands behind an error that the system itself has raised, nothing where that is not known.
    explain: ClassVar[Callable[[str, OSError], str]] = staticmethod(lambda _path, _error: "")

    #: Returns whether an error is a refusal of Windows itself; elsewhere the model refuses, and it knows that it has.
    is_refusal: ClassVar[Callable[[OSError], bool]] = staticmethod(lambda _error: False)

    #: Returns whether a call that is to fail with an errno may be made: nothing comes of it, or it fails anyway.
    may_try: ClassVar[Callable[[Operation, int], bool]] = staticmethod(lambda _operation, _errno: False)

    def __init__(self, asked: Operation, operation: Operation, act: Doing | Action) -> None:
        self.asked = asked
        self.operation = operation
        self.act = act
        # A model, or a short transfer, puts something else in its place.
        self.make: Callable[[], Any] = act.perform
        self.pass_on: Callable[[], object] = act.passed
        self.judged = False  # a model is to be asked
        self.decision: Decision | None = None
        self.decider: Sessions | None = None  # who has decided
        self.remark = ""  # what the journal says of a call without a decision
        self.at = 0.0  # when, in virtual seconds since the start
        self.rulings: list[tuple[Sessions, Ruling]] = []
        self.witnesses: list[Witness] = []
        self.answers: list[Answered] = []
        self.who: tuple[int, int] | None = None  # thread and process, if they are not the calling ones

    def ask_rules(self, sessions: Sessions, now: float | None, *, already_decided: bool) -> float:
        """Ask the rules of one session, or of all sessions of another process; return when they were asked."""
        __tracebackhide__ = True
        decided = already_decided or self.decision is not None
        ruling = sessions.decide(self.operation, now, already_decided=decided)
        self.rulings.append((sessions, ruling))
        if ruling.judge is not None:
            self.judged = True
        if ruling.wanted:
            self.witnesses.append(ruling.witness)
        if ruling.decision is not None and not decided:
            self.decision, self.decider = ruling.decision, sessions
        self.at = ruling.at
        return ruling.at

    def ask_models(self) -> Decision | None:
        """Ask the models of all sessions, the innermost first; return what the first that refuses has decided.

        Call it once the call is about to be made: after a delay, and not for a call that a rule refuses.
        """
        __tracebackhide__ = True
        if not self.judged:
            return None
        for sessions, ruling in self.rulings:
            answered = None if ruling.judge is None else ruling.judge(self.asked)
            if answered is None:
                continue
            if answered.answer.code:
                return self._refuse(sessions, ruling, answered.answer)
            self.answers.append(answered)
        if self.answers:
            self._follow_answers()
        return None

    def _refuse(self, sessions: Sessions, ruling: Ruling, answer: Answer) -> Decision:
        if self.decision is not None and self.decision.fault.kind == "delay":  # which has passed meanwhile
            self.at = sessions.clock.now
        from pytest_fsfault._core.engine.refusals import decision_of  # noqa: PLC0415  # for calls that fail

        self.decision, self.decider = decision_of(answer), sessions
        if ruling.witness not in self.witnesses:
            self.witnesses.append(ruling.witness)
        return self.decision

    def _follow_answers(self) -> None:
        """Go where the models found the paths, and do it their way."""
        last = self.answers[-1].answer
        instead = next((one.answer.perform for one in self.answers if one.answer.perform is not None), None)
        if self.operation.early_bound:
            # The call is not ours: it goes where it goes. But what fails anyway may fail as on Windows.
            fails = any(one.answer.fails for one in self.answers)
            self.pass_on = instead if fails and instead else self._pass
            return
        perform = self.make
        if instead is not None:
            perform = instead
        elif self.act.at is not None:
            perform = partial(self.act.at, last.path, last.target)
        self.operation = self.operation._replace(path=last.path, target=last.target)
        for answered in self.answers:
            perform = partial(_modelled, *answered, perform)
        self.make = perform

    def _pass(self) -> None:
        for model, asked, answer in self.answers:
            model.passed(asked, answer)

    @property
    def handling(self) -> Handling:
        """What the journal says of the decision."""
        early = ""
        if self.operation.early_bound and not self.operation.program:
            early = _EARLY[self.operation.doubtful]
        if self.decision is None:
            return Handling(None, self.remark or early, self.at)
        reason = ", ".join(filter(None, (self.decision.reason, early)))
        return Handling(str(self.decision.fault), reason, self.at, self.decision.hold)

    def note(
        self, outcome: Outcome, error: BaseException | None = None, handling: Handling | None = None
    ) -> None:
        """Write the outcome down, for all who want it, and count what makes no progress."""
        if not self.witnesses:
            return
        handling = handling or self.handling
        for _, ruling in self.rulings:
            if ruling.witness in self.witnesses:
                told = handling._replace(nth=ruling.nth) if ruling.nth else handling
                ruling.witness.journal.note(self.operation, told, outcome, error, self.who)
        # A short transfer is progress, unless it moves nothing or ends in an error.
        stuck = outcome == "short" and (error is not None or handling.fault == "short 0")
        for witness in self.witnesses:
            witness.watch_for_storm(self.operation, "raised" if stuck else outcome)

    def perform(self) -> Any:
        """Make the real call; write a native error down as such."""
        __tracebackhide__ = True
        try:
            result = self.make()
        except OSError as error:
            if self.answers and PendingCall.is_refusal(error):
                self._call_modelling_witnesses()
            if self.witnesses:
                why = PendingCall.explain(self.operation.path, error)
                self.note("failed", error, self.handling._replace(reason=why) if why else None)
            raise
        return result

    def _call_modelling_witnesses(self) -> None:
        """Have a refusal written down by each session with a model, which has left it to the system."""
        for _, ruling in self.rulings:
            if ruling.judge is not None and ruling.witness not in self.witnesses:
                self.witnesses.append(ruling.witness)

    def refusal(self, decision: Decision) -> OSError:
        """Return the error of a decision, with what it says besides."""
        error = self.error(decision)
        if decision.note:
            from pytest_fsfault._core.language.legible import legible  # noqa: PLC0415  # most calls need no words

            error.add_note(legible(decision.note))
        return error

    def error(self, decision: Decision) -> OSError:
        """Return the error of a decision, as CPython raises it on Windows from this operation."""
        from pytest_fsfault._core.engine.refusals import error_of  # noqa: PLC0415  # for calls that fail

        error = error_of(decision, self.operation)
        return belongs_to(error, decision.trial) if decision.trial else error


def decide(
    sessions: Iterable[Sessions], operation: Operation, act: Doing | Action, *, already_decided: bool = False
) -> PendingCall:
    """Ask the rules of all `sessions` in order, the innermost first: all count, the first that is due decides.

    With `already_decided` the call counts, but no rule of these sessions fires.
    """
    __tracebackhide__ = True
    covering = [one for one in sessions if one.covers(operation)]
    call = PendingCall(operation, operation, act)
    for one in covering:
        if one.model is not None:
            call.operation = one.model.spelled(operation)
            break
    now: float | None = None
    for one in covering:
        now = call.ask_rules(one, now, already_decided=already_decided)
    if call.decision is not None and call.decision.fault.kind == "delay":
        for one in covering:
            one.hold_up(operation)
    return call


def _modelled(model: ModelView, operation: Operation, answer: Answer, perform: Callable[[], Any]) -> Any:
    __tracebackhide__ = True
    try:
        result = perform()
    except OSError as error:
        translated = model.translated(operation, error)
        if translated is error:
            raise
    else:
        return model.done(operation, answer, result)
    raise translated  # outside: the error of the host is not its context
