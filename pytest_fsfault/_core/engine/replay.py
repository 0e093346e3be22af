"""Let happen again what happened in a recorded run: a decider that knows calls by what they are."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pytest_fsfault._core.engine.numbering import CallKey
from pytest_fsfault._core.engine.records import Decision
from pytest_fsfault._core.language.rows import Row

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pytest_fsfault._core.language.faults import Fault

# What may be a name by chance although it looks like a word; see `Replay._alike`.
_WORD = re.compile(r"(?<![a-z0-9])[a-z0-9_]{8}(?=[/.]|\Z)")


class ReplayedCall(Row):
    """One call of a recorded run.

    `fault` acts again, None lets the call be made. With `failed` the system itself had raised it: here it acts
    unless the real call fails alike. `told` describes the call to a reader. With `vital` the replay is none without
    it: it met an error, or this system makes the same calls as that of the recorded run.
    """

    key: CallKey
    nth: int
    fault: Fault | None = None
    failed: bool = False
    reason: str = ""
    told: str = ""
    vital: bool = True


class Recording(Row):
    """What one test did in a recorded run; `observed` says whether all of its calls are there."""

    calls: tuple[ReplayedCall, ...] = ()
    observed: bool = False
    native: bool = False  # whether native programs made some of the calls

    @property
    def speaks_windows(self) -> bool:
        """Whether a call meets a Windows error."""
        errors = (None if call.fault is None else call.fault.error for call in self.calls)
        return any(error is not None and error.winerror is not None for error in errors)


class Replay:
    """Decide about the calls of one test as they were decided in a recorded run."""

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self._calls: dict[CallKey, dict[int, ReplayedCall]] = {}
        self._alike: dict[CallKey, list[CallKey]] = {}
        for call in recording.calls:
            self._calls.setdefault(call.key, {}).setdefault(call.nth, call)
        for key in self._calls:
            self._alike.setdefault(_without_words(key), []).append(key)
        self._known: dict[CallKey, CallKey] = {}
        self._due = {id(call): call for call in recording.calls}
        #: How many calls came as recorded, and how many of them met their error again.
        self.came = 0
        self.acted = 0

    def take(self, key: CallKey, nth: int) -> ReplayedCall | None:
        """Return the recorded call that this one is, None if it is new."""
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._recognised(key)
        call = self._calls.get(known, {}).get(nth)
        if call is not None and self._due.pop(id(call), None) is not None:
            self.came += 1
        return call

    def _recognised(self, key: CallKey) -> CallKey:
        """Return the recorded key for a key: itself, or the first unclaimed one whose names differ by chance."""
        if key in self._calls:
            return key
        claimed = set(self._known.values())
        alike = self._alike.get(_without_words(key), ())
        return next((one for one in alike if one not in claimed), key)

    def decision(self, call: ReplayedCall) -> Decision | None:
        """Return what is decided about a recorded call."""
        if call.fault is None:
            return None
        note = "" if " -> " in call.reason else call.reason  # which the model or the system gave
        return Decision(call.fault, call.reason, note=note, unless_alike=call.failed)

    @property
    def missing(self) -> list[ReplayedCall]:
        """The recorded calls that have not come, in their order."""
        return list(self._due.values())

    def never_came(self) -> Iterator[str]:
        """Yield lines that list the calls without which a replay is none; nothing if there are none."""
        return never_came(self.missing)


def _without_words(key: CallKey) -> CallKey:
    target = None if key.target is None else _WORD.sub("*", key.target)
    return CallKey(key.operation, _WORD.sub("*", key.path), target)


def never_came(missing: Iterable[ReplayedCall], most: int = 20) -> Iterator[str]:
    """Yield lines that list the calls without which a replay is none; nothing if there are none."""
    told = [call.told for call in missing if call.vital]
    if told:
        yield f"{len(told)} recorded call{'s' * (len(told) != 1)} never came:"
    yield from (f"  {line}" for line in told[:most])
    if len(told) > most:
        yield f"  ... {len(told) - most} more"
