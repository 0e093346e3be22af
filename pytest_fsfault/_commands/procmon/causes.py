"""Which of the openings that the log shows make Windows refuse a call, and the test that comes of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pytest_fsfault._commands.procmon.openings import folded
from pytest_fsfault._commands.procmon.products import label
from pytest_fsfault._commands.procmon.python_calls import CALLS
from pytest_fsfault._commands.procmon.scenarios import with_holders, with_rule
from pytest_fsfault._commands.procmon.staging import works

if TYPE_CHECKING:
    from pytest_fsfault._commands.procmon.openings import LoggedOpening
    from pytest_fsfault._commands.procmon.refusals import Refusal
    from pytest_fsfault._commands.procmon.scenarios import Scenario

#: Errors that no hold of a file can be the reason of.
_NOT_OF_HOLDERS = frozenset({19, 112, 1314})
_MOST_HOLDERS = 4  # in one test
# Where the refused call and the opening are, for a question whose answer is kept: names do not matter to it.
_PATH, _TARGET, _BELOW = "C:\\d\\path", "C:\\d\\target", "C:\\d\\path\\below"


@dataclass(frozen=True)
class Cause:
    """Why a call was refused, as far as the log shows it, and what a test makes of it.

    `openings` are those that make the Windows model refuse the call, and `why` says it in a sentence.
    """

    openings: tuple[LoggedOpening, ...]
    why: str
    posix_delete: bool = True
    scenario: Scenario | None = None


class Causes:
    """Asks the Windows model, once for each kind of question; `others` is whether the log shows other processes."""

    def __init__(self, *, others: bool) -> None:
        self._others = others
        self._known: dict[tuple[object, ...], bool] = {}

    def of(self, refusal: Refusal) -> Cause:
        """Return the cause of one refusal, without a test."""
        if refusal.call not in CALLS:
            return Cause((), "no test: no single call of Python does this")
        if refusal.code not in _NOT_OF_HOLDERS:
            for posix_delete in (True, False):
                guilty = [each for each in refusal.holders if self._refuses(refusal, each, posix_delete)]
                if guilty:
                    return Cause(tuple(guilty), _why_hold(guilty), posix_delete)
        return Cause((), self._why_rule(refusal))

    def staged(self, refusal: Refusal, cause: Cause) -> Cause:
        """Return the cause with a test that was tried out; without one, if none works."""
        if refusal.call not in CALLS:
            return cause
        longest = sorted(cause.openings, key=lambda each: each.closed or float("inf"), reverse=True)
        # A hold that is behind another is never met: then the longest alone has to do.
        for openings in (longest[:_MOST_HOLDERS], longest[:1]) if longest else ():
            scenario = with_holders(refusal, openings, posix_delete=cause.posix_delete)
            if works(scenario):
                return replace(cause, scenario=scenario)
        scenario = with_rule(refusal)
        if not works(scenario):
            return Cause(cause.openings, "no test: this system does not allow its names")
        why = (
            "a rule refuses it: the model does not refuse what the log shows with these names"
            if longest
            else cause.why
        )
        return Cause(cause.openings, why, scenario=scenario)

    def _refuses(self, refusal: Refusal, opening: LoggedOpening, posix_delete: bool) -> bool:
        key = (
            refusal.call, refusal.code, refusal.first.result, refusal.directory, opening.access, opening.share,
            opening.kind, opening.directory, _place(refusal, opening), posix_delete, refusal.deletion is None,
            bool(refusal.target),
        )  # fmt: skip
        if key not in self._known:
            there = replace(
                opening, path=_place(refusal, opening), process="holder.exe", pid="0", closed=None
            )
            first = refusal.first._replace(path=_PATH)
            asked = replace(
                refusal, first=first, target=_TARGET if refusal.target else "", moments=[opening.opened]
            )
            self._known[key] = works(with_holders(asked, [there], posix_delete=posix_delete))
        return self._known[key]

    def _why_rule(self, refusal: Refusal) -> str:
        if refusal.code in _NOT_OF_HOLDERS:
            return "a rule refuses it: this error does not come of an open file"
        if refusal.holders:
            return "a rule refuses it: what the log shows open then does not make Windows refuse this call"
        if not self._others:
            return (
                "a rule refuses it: the log shows no other process opening files, and so no holder; "
                "a log without a filter on the process would show who does"
            )
        return (
            "a rule refuses it: the log shows no process that has it, or anything in it, open then; one may have opened "
            "it before the log begins, or the permissions or a driver in the kernel refuse it"
        )


def _why_hold(guilty: list[LoggedOpening]) -> str:
    holders = dict.fromkeys(label(opening.process) for opening in guilty)
    return f"a hold refuses it: the log shows that {' and '.join(holders)} had it open then"


def _place(refusal: Refusal, opening: LoggedOpening) -> str:
    path = folded(opening.path)
    if path == folded(refusal.first.path):
        return _PATH
    return _TARGET if path == folded(refusal.target) else _BELOW
