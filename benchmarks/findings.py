"""Run the tests of the findings in released programs, and print a table: finding, release, verdict.

Run by hand: ``python benchmarks/findings.py [NAME ...]``. Each verdict is that of pytest: reproduced if each test of
the finding has passed, since the test asserts the defect. It needs a package index, and for uv Linux with a kernel that
hands over calls of native programs; without them the verdict is "skipped". The exit status is 1 if one is not reproduced.
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FINDINGS = tomllib.loads((ROOT / "tests/subjects/findings.toml").read_text("utf-8"))


def tests_of(name: str) -> list[str]:
    """Return the tests of a finding: that its own fails on the release, and those of this repository that it names."""
    own = f"tests/subjects/test_findings.py::test_the_release_fails[{name}]"
    return [own] * ("requirements" in FINDINGS[name]) + FINDINGS[name].get("tests", [])


class Verdicts:
    """What pytest says of each test, by its node."""

    def __init__(self) -> None:
        self.outcomes: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the worst of set-up, call and tear-down."""
        if report.when == "call" or not report.passed:
            before = self.outcomes.get(report.nodeid, "passed")
            self.outcomes[report.nodeid] = (
                "failed" if "failed" in (before, report.outcome) else report.outcome
            )

    def of(self, name: str) -> str:
        """Return the verdict of a finding."""
        found = [
            {outcome for one, outcome in self.outcomes.items() if one == node or one.startswith(f"{node}[")}
            for node in tests_of(name)
        ]
        if not all(found) or any("failed" in outcomes for outcomes in found):
            return "NOT reproduced"
        return "skipped" if any("skipped" in outcomes for outcomes in found) else "reproduced"


def main(names: list[str]) -> int:
    """Run the findings that are named, or all of them; return the exit status."""
    verdicts = Verdicts()
    nodes = dict.fromkeys(node for name in names or FINDINGS for node in tests_of(name))
    options = ["-q", "-m", "slow or not slow", f"--rootdir={ROOT}", "-c", str(ROOT / "pyproject.toml")]
    pytest.main([*options, *(str(ROOT / node) for node in nodes)], plugins=[verdicts])
    rows = [(name, FINDINGS[name]["release"], verdicts.of(name)) for name in names or FINDINGS]
    print()
    for row in [("finding", "release", "verdict"), *rows]:
        print(f"{row[0]:32} {row[1]:24} {row[2]}")
    return int(any(verdict == "NOT reproduced" for *_, verdict in rows))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
