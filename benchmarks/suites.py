"""What foreign test suites pay: each one plain, under `observe`, and under `--fsfault`, as ratios within one run.

Run by hand: ``python benchmarks/suites.py [--only NAME ...] [--rounds 3]``. Each suite comes from the source
distribution of a release, in an environment of its own; the three variants take turns within a round, and the median
of the ratios is printed, of time and, in brackets, of processor time (what others do on the machine is not in it, nor
is waiting). A suite is left out, with the reason, if fewer than nine in ten of its tests pass in a plain
run (what only errors takes no time that could be compared), or if a variant did not run as many tests.

It needs a package index.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
import venv
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

CHECKOUT = Path(__file__).resolve().parent.parent
LIMIT = 1800  # seconds that one run may take
VARIANTS = {
    "plain": ("-p", "no:fsfault"),
    "observe": ("--fsfault-profile", "observe"),
    "fsfault": ("--fsfault",),
}
# pytest's exit codes: all passed, and some failed, which under faults is their purpose.
RAN = (0, 1)


ENOUGH = 0.9  # of the tests of a plain run have to pass


class Took(NamedTuple):
    """Seconds of a run: real ones, and those of processors."""

    real: float
    processor: float


def processor_time() -> float:
    """Return the seconds of processors that the processes took that have ended; Windows does not tell (0)."""
    times = os.times()
    return times.children_user + times.children_system


def ratio_of(took: Took, plain: Took) -> Took:
    """Return how many times as long as the plain run another one took."""
    return Took(took.real / plain.real, took.processor / plain.processor if plain.processor else 0.0)


class Suite(NamedTuple):
    """A release with tests, as a requirement: what else they need, and pytest's arguments."""

    release: str
    needs: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ("tests",)


SUITES = {
    "path": Suite("path", ("more_itertools",)),
    "distlib": Suite("distlib"),
    "cookiecutter": Suite("cookiecutter", ("pytest-mock", "pytest-cov", "freezegun")),
    "jupyter_core": Suite("jupyter_core", ("pytest-timeout",)),
    "nbformat": Suite("nbformat", ("testpath", "pep440", "jsonschema")),
    "send2trash": Suite("send2trash"),
    "wheel": Suite("wheel", ("setuptools", "flit-core")),
    # The release lacks the settings of its tests with Django.
    "diskcache": Suite("diskcache", arguments=("tests", "--ignore", "tests/test_djangocache.py")),
    # Later ones need more to be built than a mirror of the index may have.
    "platformdirs": Suite("platformdirs<4.5", ("appdirs", "pytest-mock")),
    "filelock": Suite("filelock<3.20", ("pytest-mock", "pytest-asyncio", "pytest-timeout", "virtualenv")),
}


class Subject:
    """One suite in a directory of its own."""

    def __init__(self, name: str, directory: Path) -> None:
        self.name, self.suite, self.directory = name, SUITES[name], directory
        self.python = str(
            directory / "environment" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
        )
        self.source = directory

    def prepare(self) -> None:
        """Make the environment, and unpack the release."""
        venv.create(self.directory / "environment", with_pip=True, symlinks=os.name != "nt")
        self._pip("install", "pytest==9.*", self.suite.release, *self.suite.needs, str(CHECKOUT))
        source = ("--no-deps", "--no-binary", self.suite.release.partition("<")[0])
        self._pip("download", *source, "-d", str(self.directory), self.suite.release)
        (archive,) = self.directory.glob("*.tar.gz")
        with tarfile.open(archive) as opened:
            opened.extractall(self.directory / "source", filter="data")
        (self.source,) = (self.directory / "source").iterdir()

    def _pip(self, *arguments: str) -> None:
        command = [self.python, "-m", "pip", "-q", "--disable-pip-version-check", *arguments]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)

    def run(self, variant: str) -> tuple[Took, str]:
        """Run the suite; return what it took, and the last line that it prints."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        command = [
            self.python,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:randomly",
            "-p",
            "no:cacheprovider",
            "--tb=no",
        ]
        began, before = time.monotonic(), processor_time()
        done = subprocess.run(
            [*command, *VARIANTS[variant], *self.suite.arguments],
            cwd=self.source, env=environment, capture_output=True, text=True, timeout=LIMIT, stdin=subprocess.DEVNULL, check=False,
        )  # fmt: skip
        took = Took(time.monotonic() - began, processor_time() - before)
        last = next(
            (line for line in reversed(done.stdout.splitlines()) if " in " in line), done.stderr[-200:]
        )
        if done.returncode not in RAN:
            raise RuntimeError(f"{variant}: exit status {done.returncode}: {last}")
        return took, last


_COUNTED = ("passed", "failed", "error", "errors", "xfailed", "xpassed", "skipped")


def outcomes(last: str) -> dict[str, int]:
    """Return the counts of the line by which pytest ends, such as ``1 failed, 3 passed, 2 errors in 0.5s``."""
    found = {what: int(count) for count, what in re.findall(r"(\d+) (\w+)", last) if what in _COUNTED}
    found["error"] = found.pop("errors", 0) + found.get("error", 0)
    return found


def unfit(variant: str, last: str, plain: str) -> str | None:
    """Return why a run is no measurement, by its last line and that of the plain run; None if it is one."""
    found, expected = outcomes(last), outcomes(plain)
    if variant == "plain":
        ran = sum(count for what, count in found.items() if what != "skipped")
        passed = ran - found["error"] - found.get("failed", 0)
        if not ran or passed < ENOUGH * ran:
            return f"plain: {passed} of {ran} tests pass: {last}"
    elif sum(found.values()) < sum(expected.values()):  # an error at teardown comes on top of an outcome
        return f"{variant}: {last}, but plain: {plain}"
    return None


def check(variant: str, last: str, plain: str) -> None:
    """Raise RuntimeError for a run that is no measurement."""
    reason = unfit(variant, last, plain)
    if reason is not None:
        raise RuntimeError(reason)


def median(ratios: Iterable[Took]) -> Took:
    """Return the medians of ratios."""
    return Took(*map(statistics.median, zip(*ratios, strict=True)))


def measure(subject: Subject, rounds: int) -> dict[str, Took]:
    """Return the median ratios of each variant to the plain one."""
    subject.prepare()
    check("plain", subject.run("plain")[1], "")  # bytecode and caches
    found: dict[str, list[Took]] = {}
    for _ in range(rounds):
        took = {variant: subject.run(variant) for variant in VARIANTS}
        for variant, (_, last) in took.items():
            check(variant, last, took["plain"][1])
        for variant, (seconds, _) in took.items():
            found.setdefault(variant, []).append(ratio_of(seconds, took["plain"][0]))
    ratios = {variant: median(values) for variant, values in found.items()}
    shown = "  ".join(f"{variant} {show(ratios[variant])}" for variant in VARIANTS if variant != "plain")
    sys.stdout.write(f"{subject.name:14} {took['plain'][0].real:7.1f} s  {shown}   {took['plain'][1]}\n")
    sys.stdout.flush()
    return ratios


def show(ratio: Took) -> str:
    """Return a ratio as it is printed."""
    return f"{ratio.real:.2f}x ({ratio.processor:.2f}x)"


def main() -> int:
    """Measure the suites that are asked for; return 1 if any of them could not be run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", default=list(SUITES), choices=list(SUITES))
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    found, failed = [], 0
    for name in options.only:
        with tempfile.TemporaryDirectory(prefix="suites-") as base:
            try:
                found.append(measure(Subject(name, Path(base)), options.rounds))
            except (RuntimeError, OSError, ValueError, subprocess.SubprocessError) as error:
                failed += 1
                sys.stdout.write(f"{name:14} not measured: {error}\n")
    for variant in ("observe", "fsfault"):
        if found:
            whole = show(median(ratios[variant] for ratios in found))
            sys.stdout.write(f"{variant}: in the median of {len(found)} suites {whole}\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
