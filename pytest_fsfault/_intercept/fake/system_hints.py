"""What a pending call asks of the file system below it: who stands behind an error, and what may be tried."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_fsfault._core.engine.pending import PendingCall
from pytest_fsfault._host.paths import IGNORES_CASE

if TYPE_CHECKING:
    from pytest_fsfault._core.language.operations import Operation


def answer_pending_calls() -> None:
    """Let pending calls ask the real file system, or the fake that is in force."""
    if IGNORES_CASE:  # this is Windows
        from pytest_fsfault._host.restart_manager import explain, refused  # noqa: PLC0415  # which others do not have

        PendingCall.explain = staticmethod(explain)
        PendingCall.is_refusal = staticmethod(refused)
    PendingCall.may_try = staticmethod(_may_try)


def begin_test() -> None:
    """Let the test that begins ask the system as long as the one before could; only Windows is asked."""
    if IGNORES_CASE:
        from pytest_fsfault._host import restart_manager  # noqa: PLC0415  # which others do not have

        restart_manager.begin_test()


def _may_try(operation: Operation, number: int) -> bool:
    from pytest_fsfault._intercept.calls.foresight import may_try  # noqa: PLC0415  # for who runs a recorded run
    from pytest_fsfault._intercept.fake.fake_functions import native  # noqa: PLC0415

    return may_try(native(), operation, number)
