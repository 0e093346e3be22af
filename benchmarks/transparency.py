"""Standing in between changes nothing: the tests of CPython, pyfakefs and an installer, with and without it.

Run by hand: ``python benchmarks/transparency.py [--only NAME ...] [--jobs 2] [--clock real]``. Each subject runs
in a process of its own, once without the plugin and once with every operation recorded and none refused; test by
test the outcomes must be the same. Where they are not, both are repeated twice, and the plain run then up to ten times
more: a test is unsteady by itself if plain runs alone differ, and have had each outcome that it had with the plugin. One
that differs with the plugin alone is not, however seldom it does. The other differences in `transparency.toml` have a reason; for any other
the exit status is 1.

The subjects beyond CPython need a package index.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import venv
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

import recording

HERE = Path(__file__).resolve().parent
LIMIT = 3600  # seconds that one run may take
RUNS = 3
MOST = 13  # plain runs, where a test has had another outcome with the plugin alone
SHOWN = 15  # lines of an error
CPYTHON = (
    "glob", "fileio", "mmap", "posix", "tempfile", "shutil", "zipfile", "os", "pathlib", "io", "tarfile", "subprocess",
)  # fmt: skip


class Suite(NamedTuple):
    """A test suite for pytest: what to install, where its source is (a distribution, or a repository and a tag), and pytest's arguments."""

    install: tuple[str, ...]
    source: str | None
    arguments: tuple[str, ...]


SUITES = {
    "pyfakefs": Suite(("pytest==9.*", "pyfakefs==6.3.2"), None, ("--pyargs", "pyfakefs")),
    # It is run on as many workers as it asks for.
    "poetry": Suite(
        ("pytest==9.*", "poetry==2.5.1", "responses", "jaraco-classes", "pytest-mock", "pytest-xdist"),
        "poetry==2.5.1",
        ("tests",),
    ),
    "portalocker": Suite(
        ("pytest==9.*", "portalocker[redis]==4.4.2", "fakeredis", "pytest-rerunfailures", "pytest-timeout",
            "typing_extensions"),
        "portalocker==4.4.2",
        ("-o", "addopts=", "portalocker_tests"),
    ),
    "watchdog": Suite(
        ("pytest==9.*", "watchdog[watchmedo]==7.1.0", "flaky", "pytest-timeout"),
        "watchdog==7.1.0",
        ("-o", "addopts=", "tests"),
    ),
    "path": Suite(
        ("pytest==9.*", "path==17.1.1", "appdirs", "packaging", "more_itertools", "pygments"),
        "path==17.1.1",
        ("tests",),
    ),
    "setuptools": Suite(
        (
            "pytest==9.*", "setuptools==84.2.1", "virtualenv", "wheel", "pip", "packaging", "jaraco.envs", "jaraco.path",
            "build[virtualenv]", "filelock", "ini2toml[lite]", "tomli-w", "pytest-timeout", "pytest-home",
            "pytest-subprocess", "pytest-xdist", "jaraco.test", "coverage",
        ),
        "setuptools==84.2.1",
        ("-o", "addopts=", "setuptools/tests/test_build_meta.py"),
    ),
    "nox": Suite(
        ("pytest==9.*", "nox[tox-to-nox,uv]==2026.8.17", "coverage[toml]", "pytest-xdist"),
        "nox==2026.8.17",
        ("-o", "addopts=", "tests"),
    ),
    "dulwich": Suite(
        ("pytest==9.*", "dulwich[fastimport,merge,https]==1.2.21"), "dulwich==1.2.21", ("-o", "addopts=", "tests")
    ),
    # Its source distribution has no tests: they come from its repository.
    "pip": Suite(
        (
            "pytest==9.*", "pip==26.2.1", "cryptography", "flit-core", "freezegun", "installer", "pytest-rerunfailures",
            "pytest-xdist", "pytest-subket", "scripttest", "setuptools", "virtualenv", "werkzeug", "tomli-w", "proxy.py",
        ),
        "https://github.com/pypa/pip@26.2.1",
        ("-o", "addopts=", "tests/unit"),
    ),
}  # fmt: skip
REASONS = tomllib.loads((HERE / "transparency.toml").read_text("utf-8"))["difference"]


class Run(NamedTuple):
    """What one run has left: outcomes and errors by test, and the two counts of operations."""

    outcomes: dict[str, str]
    errors: dict[str, str]
    recorded: int
    refused: int
    output: str
    ended: bool


class Comparison(NamedTuple):
    """All runs of one subject, compared."""

    name: str
    tests: int
    recorded: int
    refused: int
    explained: list[str]
    unsteady: list[str]
    unexplained: list[tuple[str, str]]  # the test, and the outcomes and errors to show
    doubtful: int  # how many of these may yet turn out to be unsteady

    @property
    def good(self):
        """Whether standing in between has changed nothing, and something has been proved."""
        return bool(self.tests and self.recorded and not self.refused and not self.unexplained)

    def __str__(self):
        counts = f"{self.tests:6,} tests {self.recorded:9,} operations"
        found = [f"{len(self.explained)} explained"] * bool(self.explained)
        found += [f"{len(self.unsteady)} unsteady"] * bool(self.unsteady)
        found += [f"{self.refused} REFUSED"] * bool(self.refused)
        found += ["NOTHING RECORDED"] * (not self.recorded)
        found += [f"{len(self.unexplained)} UNEXPLAINED"] * bool(self.unexplained)
        return f"{self.name:14}{counts}   differences: {', '.join(found) or 'none'}"


class Subject:
    """One module of CPython's tests, or one suite, with a directory to work in."""

    def __init__(self, name, directory, clock):
        self.name, self.directory, self.clock = name, directory, clock
        self.suite = SUITES.get(name)
        self.python = sys.executable
        self.source = None
        directory.mkdir()

    def prepare(self):
        """Make the environment of a suite."""
        if self.suite is None:
            return
        environment = self.directory / "environment"
        venv.create(environment, with_pip=True, symlinks=os.name != "nt")
        self.python = str(environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))
        self._pip("install", *self.suite.install)
        if self.suite.source is not None and self.suite.source.startswith("https:"):
            repository, _, tag = self.suite.source.rpartition("@")
            self.source = self.directory / "source"
            command = ["git", "clone", "-q", "--depth", "1", "--branch", tag, repository, str(self.source)]
            subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
        elif self.suite.source is not None:
            package = self.suite.source.partition("==")[0]
            self._pip(
                "download", "--no-deps", "--no-binary", package, "-d", str(self.directory), self.suite.source
            )
            (archive,) = self.directory.glob("*.tar.gz")
            with tarfile.open(archive) as opened:
                opened.extractall(self.directory / "source", filter="data")
            (self.source,) = (self.directory / "source").iterdir()

    def _pip(self, *arguments):
        command = [self.python, "-m", "pip", "-q", "--disable-pip-version-check", *arguments]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)

    def run(self, *, observed):
        """Run the tests once, in the same place as always, and return what became of them."""
        place, written = self.directory / "run", self.directory / "outcomes.jsonl"
        shutil.rmtree(place, ignore_errors=True)
        written.unlink(missing_ok=True)
        home = self.directory / "home"
        shutil.rmtree(home, ignore_errors=True)
        (place / "tmp").mkdir(parents=True)
        home.mkdir()  # beside the root, which must not hold it
        if self.source is None:
            (place / "cwd").mkdir()
        else:
            shutil.copytree(self.source, place / "cwd", symlinks=True)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
        environment |= dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(place / "tmp"))
        environment |= _own(home, self.python)
        environment["PYTHONPATH"] = os.pathsep.join(map(str, (HERE.parent, HERE)))
        environment["TRANSPARENCY"] = str(written)
        arguments = self._arguments(place, written) if self.suite is None else self._pytest(place)
        output = _supervised([self.python, *arguments(observed)], place / "cwd", environment)
        return _read(written, output)

    def _arguments(self, _place, written):
        script = HERE / "recording.py"
        return lambda observed: [
            str(script), str(written), f"test.test_{self.name}", self.clock if observed else "none"
        ]  # fmt: skip

    def _pytest(self, place):
        common = [
            "-m",
            "pytest",
            "--tb=short",
            "-p",
            "recording",
            "-p",
            "no:cacheprovider",
            *self.suite.arguments,
        ]
        ours = ["-p", "pytest_fsfault.plugin", "--fsfault-profile", "observe", "-o", f"fsfault_roots={place}"]
        ours += ["-o", f"fsfault_clock={self.clock}"]
        # Without a report that lists them, calls are not kept one by one, and `recording` would count none.
        ours += [f"--fsfault-json={self.directory / 'report.json'}"]
        return lambda observed: [*common, *(ours if observed else ())]

    def compare(self):
        """Run without and with the plugin, again where they differ, and return the comparison."""
        self.prepare()
        without, observed = [], []
        for _ in range(RUNS):
            without.append(self.run(observed=False))
            observed.append(self.run(observed=True))
            found = judge(self.name, self.clock, without, observed)
            if not found.unexplained and not found.unsteady:
                break
        while found.doubtful and len(without) < MOST:
            without.append(self.run(observed=False))
            found = judge(self.name, self.clock, without, observed)
        shutil.rmtree(self.directory, ignore_errors=True)
        return found


def judge(name, clock, without, observed):
    """Compare runs without the plugin and with it, under this clock, test by test."""
    before, after = _outcomes(without), _outcomes(observed)
    explained, unsteady, unexplained, doubtful = [], [], [], 0
    for test in sorted({*before, *after}):
        if before[test] == after[test] and len(before[test]) == 1:
            continue
        if len(before[test]) > 1 and (after[test] <= before[test]):
            unsteady.append(test)
        elif explanation(test, clock):
            explained.append(test)
        else:
            shown = f"without {_either(before[test])}, with {_either(after[test])}"
            told = next((run.errors[test] for run in (*observed, *without) if run.errors.get(test)), "")
            unexplained.append((test, "\n".join([shown, *told.splitlines()[-SHOWN:]])))
            doubtful += bool(before[test] & after[test])
    early = next((run for run in (*observed, *without) if not run.ended), None)
    if early is not None:
        unexplained.insert(0, ("the run", f"ended early\n{early.output}"))
    latest = observed[-1]
    return Comparison(
        name, len(before), latest.recorded, latest.refused, explained, unsteady, unexplained, doubtful
    )


def _supervised(command, directory, environment):
    """Run a command with all that it starts, for a limited time, and return the end of its output."""
    with tempfile.TemporaryFile("w+", errors="replace") as output:
        process = subprocess.Popen(
            command, cwd=directory, env=environment, stdin=subprocess.DEVNULL, stdout=output,
            stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        try:
            process.wait(LIMIT)
        except subprocess.TimeoutExpired:
            if os.name == "nt":
                process.kill()
            else:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        output.seek(0)
        return output.read()[-3000:]


def _read(written, output):
    lines = written.read_text("utf-8").splitlines() if written.exists() else []
    found = [json.loads(line) for line in lines]
    outcomes = {test: outcome for test, outcome, _ in found}
    recorded, refused = outcomes.pop(recording.RECORDED, 0), outcomes.pop(recording.REFUSED, 0)
    errors = {test: text for test, _, text in found}
    return Run(outcomes, errors, recorded, refused, output, recording.RECORDED in errors)


def _own(home, python):
    """Return variables by which installers that tests start have an interpreter and places of their own."""
    places = {"HOME": home, "USERPROFILE": home, "UV_PYTHON": python}
    places |= {
        f"UV_{name}_DIR": home / name.lower() for name in ("CACHE", "TOOL", "TOOL_BIN", "PYTHON_INSTALL")
    }
    return {name: str(place) for name, place in places.items()} | {"UV_PYTHON_DOWNLOADS": "never"}


def _outcomes(runs):
    found = defaultdict(lambda: {"no outcome"})  # a subtest has one only where it has not passed
    for test in {test for run in runs for test in run.outcomes}:
        found[test] = {run.outcomes.get(test, "no outcome") for run in runs}
    return found


def _either(outcomes):
    return " or ".join(sorted(outcomes))


def explanation(test, clock):
    """Return why a test may differ under this clock; None if nobody knows."""
    for row in REASONS:
        if row.get("clock", clock) == clock and any(fnmatchcase(test, pattern) for pattern in row["tests"]):
            return row["reason"]
    return None


def _shipped():
    return [name for name in CPYTHON if importlib.util.find_spec(f"test.test_{name}") is not None]


def compare_all(names, jobs, clock):
    """Compare these subjects, some at a time, and return whether all are good."""
    good = True
    with tempfile.TemporaryDirectory() as base, ThreadPoolExecutor(jobs) as pool:
        subjects = [Subject(name, Path(os.path.realpath(base), name), clock) for name in names]
        for comparison in pool.map(Subject.compare, subjects):
            good = good and comparison.good
            print(comparison, flush=True)
            for test in comparison.explained:
                print(f"    {test}: {explanation(test, clock)}")
            for test in comparison.unsteady:
                print(f"    {test}: unsteady without the plugin")
            for test, shown in comparison.unexplained:
                print(f"    {test}: {shown}")
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    everything = [*_shipped(), *SUITES]
    parser.add_argument("--only", nargs="+", choices=everything, default=everything, metavar="NAME")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--clock", choices=("virtual", "real"), default="virtual")
    given = parser.parse_args()
    print(f"Python {sys.version.partition(' ')[0]}, {given.clock} clock")
    return 0 if compare_all(given.only, given.jobs, given.clock) else 1


if __name__ == "__main__":
    sys.exit(main())
