"""How tests ended, whatever pytest tells besides the report of their call: parts, set-up and teardown, another try."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

#: How an entry of the JSON says that the test was run again since it had failed; pytest-rerunfailures says so, too.
RERUN = "rerun"
INTERRUPTED = "interrupted"
#: Where a worker of xdist keeps, for its controller, the test in which it was interrupted.
BROUGHT = "fsfault_interrupted"


class Outcomes:
    """The tests of a run as data, each with how it has ended as a whole."""

    def __init__(self) -> None:
        self.tests: list[dict[str, Any]] = []
        self._process = os.getpid()
        self._last: dict[str, dict[str, Any]] = {}  # the last run of each test, by ID
        self._parts: dict[str, dict[str, Any]] = {}  # why the first part of a test failed that is under way

    def are_forked(self) -> bool:
        """Return whether a test has forked this process, and come back to pytest: the run is its parent's."""
        return os.getpid() != self._process

    def add(self, test: dict[str, Any], report: Any) -> None:
        """Record a test whose call, or whose set-up, has been reported."""
        part = self._parts.pop(report.nodeid, None)
        if report.outcome == RERUN:
            test["outcome"] = RERUN
        elif part is not None and test["outcome"] == "passed":
            # That of a `unittest.TestCase` whose subtest failed: pytest tells the two apart.
            test["outcome"], test["failure"] = "failed", part
        self.put(test)

    def put(self, test: dict[str, Any]) -> None:
        """Record a test as it is."""
        self.tests.append(test)
        self._last[test["id"]] = test

    def part(self, report: Any) -> None:
        """Record the report of a subtest, which comes before that of its test."""
        why = getattr(report, "fsfault_failure", None)
        if report.outcome == "failed" and why is not None:
            self._parts.setdefault(report.nodeid, why)

    def amend(self, report: Any) -> None:
        """Record the report of a teardown: a test whose teardown fails has not passed."""
        test = self._last.get(report.nodeid)
        why = getattr(report, "fsfault_failure", None)
        if test is not None and why is not None and test["outcome"] in ("passed", "skipped"):
            test["outcome"] = RERUN if report.outcome == RERUN else "failed"
            test["failure"] = why


def failure(call: Any, report: Any, verdict: str) -> dict[str, Any] | None:
    """Return why a test failed: its text, which check of ours said so, if one did, and in which phase.

    A `verdict` at the end of the call is raised as pytest's own exception; it is the class that it had before.
    """
    if not report.failed:
        return None
    if call.excinfo is None:  # it is mended, and listed as known to fail
        return {"text": str(report.longrepr), "check": "baseline", "when": report.when}
    kind = call.excinfo.type
    ours = kind.__name__ if kind.__module__.startswith("pytest_fsfault") else None
    check = verdict if verdict and kind.__name__ == "Failed" and report.when == "call" else ours
    return {"text": call.excinfo.exconly(tryshort=True), "check": check, "when": report.when}


def refused_test(call: Any, report: Any, reproduce: str, profile: str, seed: int) -> dict[str, Any]:
    """Return the entry of a test that had no session: a mistake in its markers keeps it from running."""
    # For who has made a mistake.
    from pytest_fsfault._report.summary import MARKER  # noqa: PLC0415
    from pytest_fsfault._session.showing import nothing  # noqa: PLC0415

    why = {**(failure(call, report, "") or {}), "check": MARKER}
    return {
        "id": report.nodeid, "outcome": "failed", "failure": why, "reproduce": reproduce, "profile": profile,
        "seed": seed, "seconds": 0.0, **nothing(),
    }  # fmt: skip


def bring(config: Any, report: Any, shown: dict[str, Any], exposed: Mapping[str, int], refused: int) -> None:
    """Put on a report what a test showed: as text in a worker of xdist, since a name may have bytes that are no UTF-8."""
    told = {**shown, "baseline": _listed(report)}
    report.fsfault = json.dumps(told) if hasattr(config, "workerinput") else told
    report.fsfault_exposed, report.fsfault_refused = exposed, refused


def _listed(report: Any) -> dict[str, Any] | None:
    """Return how a test stands to the failures that are known; None for one that passes, as most do."""
    found: dict[str, Any] | None = getattr(report, "fsfault_baseline", None)
    return None if found is None or found["status"] == "passed" else found


def interruption(error: BaseException) -> dict[str, Any]:
    """Return the same of what has ended a test that pytest does not report."""
    return {"text": f"{type(error).__name__}: {error}".removesuffix(": "), "check": None, "when": None}
