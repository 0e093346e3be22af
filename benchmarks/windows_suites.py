"""The tests of other projects as on Windows: what fails there, and why.

Run by hand: ``python benchmarks/windows_suites.py [--only NAME ...]``. Each suite runs in an environment of its own, once
without the plugin and once under emulated Windows 11 in developer mode, while the modules that choose by platform
see Windows from collection on. Every test that passes without and fails with it stands in
``tests/data/windows-suites.toml`` with its reason; for any other, and for one that stands there and passes, the exit
status is 1. Needs a package index.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import tomllib
from pathlib import Path

from transparency import HERE, SUITES, Subject

TABLE = HERE.parent / "tests" / "data" / "windows-suites.toml"
WINDOWS = "fsfault_windows={version = '11', developer_mode = true}"
RUNS = 2  # with the plugin: what fails in one alone is unsteady
#: The modules of each project that see Windows: all that choose by platform, but those that import what
#: only Windows has (`msvcrt`, `ctypes.windll`).
PRETENDING = {
    "path": ("path", "path.*", "tests.*"),
    "portalocker": (
        "portalocker.utils",
        *(f"portalocker_tests.test_{name}" for name in (
            "open_atomic", "pidfilelock", "concurrent_state", "temporary_file_lock", "write_mode_semantics")),
    ),
    # `watchdog.utils.platform` is imported before, with the tests' configuration, and keeps its answer.
    "watchdog": ("watchdog.utils.dirsnapshot*", "watchdog.events"),
    "pip": ("pip._internal.*",),
}  # fmt: skip


class Emulated(Subject):
    """A suite that runs under emulated Windows in the place of `observe`."""

    def _pytest(self, place):
        plain = super()._pytest(place)
        globs = "\n".join(PRETENDING[self.name])
        ours = ["-p", "pytest_fsfault.plugin", "-o", f"fsfault_roots={place}", "-o", WINDOWS]
        return lambda emulated: [
            *plain(False),
            *((*ours, "-o", f"fsfault_pretend={globs}") if emulated else ()),
        ]

    def failures(self):
        """Return the tests that pass without the plugin and fail with it, each with the last line of its error."""
        self.prepare()
        before = self.run(observed=False)
        runs = [self.run(observed=True) for _ in range(RUNS)]
        shutil.rmtree(self.directory, ignore_errors=True)
        for one in (before, *runs):
            if not one.ended:
                raise SystemExit(f"{self.name} ended early\n{one.output}")
        return {
            test: run.errors[test].strip().rpartition("\n")[2]
            for run in runs[:1]
            for test in sorted(run.outcomes)
            if before.outcomes.get(test) == "passed"
            and all(one.outcomes.get(test) == "failed" for one in runs)
        }


def expected(name):
    """Return the rows of a suite, by test."""
    rows = tomllib.loads(TABLE.read_text("utf-8")).get(name, [])
    return {test: row for row in rows for test in row["tests"]}


def compare(name, directory):
    """Run a suite, print what fails by class, and return whether the table says the same."""
    found, rows = Emulated(name, directory, "virtual").failures(), expected(name)
    classes = sorted(rows[test]["class"] for test in found if test in rows)
    counts = ", ".join(f"{classes.count(one)} {one}" for one in dict.fromkeys(classes))
    print(f"{name:12}{len(found):4} tests fail: {counts or 'none known'}", flush=True)
    for test in sorted(set(found) - set(rows)):
        print(f"    not in the table: {test}: {found[test]}")
    for test in sorted(set(rows) - set(found)):
        print(f"    in the table, and passes: {test}")
    return set(found) == set(rows)


def main():
    """Compare the suites that are asked for with the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--only", nargs="+", choices=list(PRETENDING), default=list(PRETENDING), metavar="NAME"
    )
    given = parser.parse_args()
    assert set(PRETENDING) <= set(SUITES)
    with tempfile.TemporaryDirectory() as base:
        good = [compare(name, Path(os.path.realpath(base), name)) for name in given.only]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
