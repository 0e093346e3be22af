"""Run tests and write down how each ended: what `transparency.py` starts in processes of its own.

For tests of unittest it is a script, ``recording.py FILE MODULE CLOCK``; for those of pytest a plugin, ``-p recording``,
which finds the name of its file in the environment variable TRANSPARENCY. A line of the file is a list in JSON:
the test, its outcome, and the text of an error.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import unittest
from collections import Counter

# ruff: noqa: N802, ARG002, D102  # unittest and pytest have given the methods their names and arguments

#: The lines that tell how many operations were recorded, and how many of them met a fault: none must. The first
#: is the last line of a run that has come to its end.
RECORDED, REFUSED = "<operations recorded>", "<operations refused>"


class Outcomes:
    """A file of outcomes, opened before anything is intercepted; each line is on the disk at once."""

    def __init__(self, path):
        self._file = open(path, "a", encoding="utf-8", buffering=1)  # noqa: SIM115
        self._process = os.getpid()
        self._met = Counter()

    def note(self, test, outcome, text=""):
        if os.getpid() != self._process:  # a fork of the test's, which has come up to here
            return
        self._met[test] += 1
        name = test if self._met[test] == 1 else f"{test} ({self._met[test]})"
        self._file.write(json.dumps([name, outcome, text]) + "\n")


class Recorder(unittest.TestResult):
    """A result that writes down what became of each test, and of each subtest that did not pass."""

    def __init__(self, outcomes):
        super().__init__()
        self._outcomes = outcomes
        self._said = False

    def startTest(self, test):
        super().startTest(test)
        self._said = False

    def _say(self, test, outcome, error=None):
        self._said = True
        self._outcomes.note(test.id(), outcome, self._exc_info_to_string(error, test) if error else "")

    def addError(self, test, err):
        self._say(test, "error", err)

    def addFailure(self, test, err):
        self._say(test, "failed", err)

    def addSkip(self, test, reason):
        self._say(test, "skipped")

    def addExpectedFailure(self, test, err):
        self._say(test, "expected failure")

    def addUnexpectedSuccess(self, test):
        self._say(test, "unexpected success")

    def addSubTest(self, test, subtest, err):
        if err is not None:
            self._say(subtest, "failed" if issubclass(err[0], test.failureException) else "error", err)

    def addSuccess(self, test):
        if not self._said:
            self._say(test, "passed")


def run(path, module, clock):
    """Run CPython's tests of `module`; unless `clock` is "none", in a session that records all and refuses nothing.

    The directory above the current one is the root: the tests work in both the current directory, and in that for
    temporary files beside it.
    """
    outcomes = Outcomes(path)
    with contextlib.ExitStack() as stack:
        fsfault = None
        if clock != "none":
            from pytest_fsfault import inject

            fsfault = stack.enter_context(inject(profile="observe", clock=clock, roots=[".."]))
        from test import support

        support.use_resources = ()  # neither the network, nor gigabytes, nor minutes of CPU time
        tests = unittest.defaultTestLoader.loadTestsFromName(module)
        with contextlib.redirect_stdout(io.StringIO()):
            tests.run(Recorder(outcomes))
    outcomes.note(REFUSED, 0 if fsfault is None else len(fsfault.journal.faults))
    outcomes.note(RECORDED, 0 if fsfault is None else len(fsfault.journal))


class Plugin:
    """What writes the reports of one pytest run down."""

    def __init__(self, path):
        self._outcomes = Outcomes(path)
        self._recorded = self._refused = 0

    def pytest_collectreport(self, report):
        if report.outcome != "passed":
            self._outcomes.note(f"{report.nodeid} when collected", report.outcome, report.longreprtext)

    def pytest_runtest_logreport(self, report):
        found = getattr(report, "fsfault", None)
        if found is not None:
            self._recorded += len(found["calls"])
            self._refused += sum(count for *_, count in found["counts"])
        if report.when != "call" and report.outcome == "passed":
            return
        outcome = f"expected failure, {report.outcome}" if hasattr(report, "wasxfail") else report.outcome
        name = report.nodeid if report.when == "call" else f"{report.nodeid} at {report.when}"
        self._outcomes.note(name, outcome, report.longreprtext)

    def pytest_sessionfinish(self):
        self._outcomes.note(REFUSED, self._refused)
        self._outcomes.note(RECORDED, self._recorded)


def pytest_configure(config):
    if not hasattr(config, "workerinput"):  # a worker's reports come to its controller
        config.pluginmanager.register(Plugin(os.environ["TRANSPARENCY"]))


if __name__ == "__main__":
    run(*sys.argv[1:])
