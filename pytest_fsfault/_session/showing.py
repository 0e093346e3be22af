"""What one session showed: as data, and as lines for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_fsfault._core.clock import SECOND
from pytest_fsfault._core.engine.pending import PendingCall
from pytest_fsfault._core.engine.trial_marks import REASON
from pytest_fsfault._core.language.operations import GROUPS
from pytest_fsfault._intercept.fake.filesystem import WHOLE
from pytest_fsfault._report.evidence import Facts, evidence
from pytest_fsfault._report.lines import journal_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_fsfault._core.engine.engine import Engine
    from pytest_fsfault._core.engine.journal import Entry
    from pytest_fsfault._prove.retries import Retry
    from pytest_fsfault._session.session import Session
    from pytest_fsfault._windows.windows import Windows

# What Windows refuses on a file that a scanner is reading, or above it.
_HELD_UP = GROUPS["rename"] | GROUPS["delete"]
# Calls that change something whatever their mode is.
_CHANGES = sorted(GROUPS["mutate"] - GROUPS["read"])
# How the path of a device of Windows begins: it is below no root, and nothing is changed there.
_DEVICE = "//./"


def evidence_of(session: Session, *, detailed: bool = True) -> dict[str, Any]:
    """Return what the test showed, as data; each call only if it is to be `detailed`."""
    if not _is_quiet(session):
        return _evidence_of(session, detailed=detailed)
    kind = session.engine.records_all, bool(session.numbered)
    if kind not in _QUIET:
        _QUIET[kind] = _evidence_of(session, detailed=detailed)
    return {**_QUIET[kind], "virtual_end": session.clock.now}


def nothing() -> dict[str, Any]:
    """Return what a test shows that has had no session."""
    return evidence(
        Facts(
            entries=(), detailed=False, trial_reason=REASON, rules=(), why_not=str, closest=lambda _: None,
            observed=False, numbered=False, retries=(), waits=(), roots=(), proofs={}, processes=(), troubles=(),
            outside=None,
            holds=(), kept_step={}, replay=None, end=0.0,
        )
    )  # fmt: skip


# What tests show in which nothing happened: they differ in when they ended. Nobody changes what is in it.
_QUIET: dict[tuple[bool, bool], dict[str, Any]] = {}


def _is_quiet(session: Session) -> bool:
    """Return whether nothing was in force that could say something, and nothing was written down."""
    clock = session.clock
    return not (
        session.journal
        or session.own
        or session.around
        or clock.waits
        or clock.kept_step
        or session.proofs is not None
        or session.engine.replay is not None
        or any((*session.verification.children(), outside_alone(session.engine)))
        or (session.windows is not None and any(_holds(session.windows)))
    )


def _evidence_of(session: Session, *, detailed: bool) -> dict[str, Any]:
    children, troubles = session.verification.children()
    journal = session.journal
    return evidence(
        Facts(
            entries=journal,
            detailed=detailed,
            trial_reason=REASON,
            rules=[*((armed, True) for armed in session.own), *((armed, False) for armed in session.around)],
            why_not=session.verification.why_not,
            closest=session.verification.closest,
            observed=session.engine.records_all,
            numbered=bool(session.numbered),
            retries=_retries(session) if journal else (),
            waits=session.clock.waits,
            roots=_shown_roots(session),
            proofs={} if session.proofs is None else session.proofs.evidence(),
            processes=session.verification.processes(),
            troubles=troubles,
            outside=None if children else outside_alone(session.engine),
            holds=[] if session.windows is None else _holds(session.windows),
            kept_step={name: span / SECOND for name, span in session.clock.kept_step.items()},
            replay=session.engine.replay,
            end=session.clock.now,
        )
    )


def outside_alone(engine: Engine) -> str | None:
    """Return a path outside the roots that a test has changed, if it has changed nothing below them."""
    seen, outside = engine.tallies, engine.outside
    if not outside or any(name in seen and seen[name].count for name in GROUPS["mutate"]):
        return None
    return next(
        (outside[name] for name in _CHANGES if not outside.get(name, _DEVICE).startswith(_DEVICE)), None
    )


def _retries(session: Session) -> list[Retry]:
    from pytest_fsfault._prove.retries import retries  # noqa: PLC0415  # for a test that has met something

    return retries(session.journal, session.clock.waits, session.engine.roots, trials=session.trials)


def _holds(windows: Windows) -> Iterator[dict[str, Any]]:
    """Yield what was declared, and what scanners held in the way of a call.

    Times are virtual seconds; `to` is None for a hold without an end.
    """
    for state in windows._model.states:
        for hold in sorted((*state.holds.declared, *state.holds.met), key=lambda hold: hold.number):
            opening = hold.opening
            yield {
                "n": hold.number, "path": hold.path or hold.on, "kind": opening.kind, "access": opening.access,
                "share": opening.share, "by": hold.by or None, "scanner": hold.scanner, "from": hold.since,
                "to": None if hold.until == float("inf") else hold.until, "met": hold.met,
                "declared": hold.declared,
            }  # fmt: skip


def refusals(session: Session) -> tuple[dict[str, int], int]:
    """Return which calls a scanner might have refused, and how many the system itself has refused."""
    return exposed(session), refused_by_system(session)


def exposed(session: Session) -> dict[str, int]:
    """Return how often the model let calls pass that a scanner refuses while it reads: to rename, to delete."""
    if session.windows is None or session.windows._model.reactions.scanners:
        return {}
    found = session.engine.tallies
    return {name: found[name].count for name in sorted(_HELD_UP) if name in found and found[name].count}


def refused_by_system(session: Session) -> int:
    """Return how many calls Windows itself has refused; where this is not Windows, none."""
    entries = session.journal[:]  # a list: faster than the entries one by one
    return sum([_is_refused(entry) for entry in entries])


def _is_refused(entry: Entry) -> bool:
    error = entry.error
    return entry.outcome == "failed" and isinstance(error, OSError) and PendingCall.is_refusal(error)


def cause_of(session: Session, error: BaseException) -> tuple[str | None, int | None]:
    """Return the refused call behind the failure of a test, and its Windows error; None where there is none.

    That is the first error in the chain that a call met; or else, if the test failed by what it looked at, the last
    call that met one. Of an error of the system itself that was not recorded, only the number is known.
    """
    from pytest_fsfault._prove.error_chains import chain  # noqa: PLC0415  # for a test that failed

    met = [entry for entry in session.journal if isinstance(entry.error, OSError)]
    links = [link for link in chain(error) if isinstance(link, OSError)]
    found = _behind(met, links)
    if found is not None:
        return found.operation, getattr(found.error, "winerror", None)
    return None, getattr(links[0], "winerror", None) if links else None


def _behind(met: Sequence[Entry], links: Sequence[OSError]) -> Entry | None:
    """Return the last entry with the first of these errors that an entry has; without errors, that of the last fault."""
    alike = (entry for link in links for entry in reversed(met) if _is_copy(entry.error, link))
    faults = (entry for entry in reversed(met) if entry.fault is not None or _is_refused(entry))
    return next(alike if links else faults, None)


def _is_copy(noted: BaseException | None, raised: BaseException) -> bool:
    # By name: on Windows the copy that keeps the winerror is of a class of its own.
    return type(noted).__name__ == type(raised).__name__ and str(noted) == str(raised)


def by_chance(session: Session) -> bool:
    """Return whether a fault was drawn: by a rule with ``P%``, or as the hold of a scanner that has no constant time."""
    rules = (*session.own, *session.around)
    if any(armed.fired and armed.rule.when.percent is not None for armed in rules):
        return True
    states = () if session.windows is None else session.windows._model.states
    return any(hold.drawn for state in states for hold in state.holds.met)


def lines_of(session: Session, *, everything: bool) -> Iterator[str]:
    """Yield the journal around the faults, or all of it; then that of the first failed trial of each sweep."""
    roots = _shown_roots(session)
    yield from journal_lines(session.journal, roots, everything=everything)
    for title, entries in () if session.proofs is None else session.proofs.failures():
        yield title
        yield from journal_lines(entries, roots, everything=everything)


def _shown_roots(session: Session) -> list[str]:
    """Return the roots to which paths are shown relative; on a whole file system they are shown in full."""
    return [root for root in session.engine.roots if root not in WHOLE]
