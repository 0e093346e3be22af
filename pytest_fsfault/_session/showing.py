"""What one session showed: as data, and as lines for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_fsfault._core.clock import SECOND
from pytest_fsfault._intercept.fake.filesystem import WHOLE
from pytest_fsfault._prove.retries import retries
from pytest_fsfault._report.evidence import evidence
from pytest_fsfault._report.lines import journal_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_fsfault._session.session import Session


def evidence_of(session: Session) -> dict[str, Any]:
    """Return what the test showed, as data."""
    started, unreached = session.verification.children()
    journal = session.journal
    return evidence(
        journal, own=session.own, ambient=session.around, waits=session.clock.slept, roots=_shown_roots(session),
        retries=retries(journal, session.clock.waits, session.engine.roots),
        sweeps=[] if session.proofs is None else session.proofs.evidence(),
        kept_step={name: span / SECOND for name, span in session.clock.kept_step.items()},
        children={"started": started, "unreached": list(unreached)},
    )  # fmt: skip


def lines_of(session: Session, *, everything: bool) -> Iterator[str]:
    """Yield the journal around the faults, or all of it."""
    return journal_lines(session.journal, _shown_roots(session), everything=everything)


def _shown_roots(session: Session) -> list[str]:
    """Return the roots from which paths are told; on a whole file system they are told in full."""
    return [root for root in session.engine.roots if root not in WHOLE]
