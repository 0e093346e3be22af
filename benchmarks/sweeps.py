"""What a sweep costs: by call stack over many files, by position over few, beside a loop written by hand.

Run by hand: ``python benchmarks/sweeps.py [--folder DIRECTORY]``. Everything is given as a ratio to plain runs of
`prepare` and body that were measured in between, and in milliseconds a trial.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import tempfile
from contextlib import suppress
from pathlib import Path
from time import perf_counter
from unittest import mock

from pytest_fsfault import inject

REAL_TIME = (perf_counter,)  # in a tuple no exchange of names finds it
FAULTS = ("ERROR_ACCESS_DENIED", "ERROR_SHARING_VIOLATION", "crash")


def prepare(root):
    (root / "pkg").mkdir()
    (root / "pkg/old.py").write_text("old")


def installer(files):
    """Return a function that installs so many files, one after the other."""

    def install(root):
        os.mkdir(f"{root}/pkg/sub")
        for number in range(files):
            with open(f"{root}/pkg/sub/{number}.py", "w") as file:
                file.write("x = 1\n")

    return install


class Pace:
    """Measure plain runs of `prepare` and body in between: machines change their pace from second to second."""

    def __init__(self, body, home):
        self.body, self.root = body, Path(home, "plain")
        self.runs = self.aside = 0.0
        self.started = REAL_TIME[0]()

    def step(self):
        """Do one plain run."""
        pause = REAL_TIME[0]()
        self.root.mkdir()
        prepare(self.root)
        self.body(self.root)
        self.runs += REAL_TIME[0]() - pause
        shutil.rmtree(self.root)
        self.aside += REAL_TIME[0]() - pause

    @property
    def taken(self):
        """Seconds since the start, without the plain runs."""
        return REAL_TIME[0]() - self.started - self.aside


def swept(body, home, **wanted):
    """Return the number of trials of a sweep, its time, and that of as many plain runs, in seconds."""
    trials, pace = 0, Pace(body, home)
    with inject(roots=[home]) as fsfault:
        for trial in fsfault.sweep(prepare, faults=FAULTS, **wanted):
            trials += 1
            with trial as root:
                body(root)
            trial.check(trial.tree is not None, "")
            pace.step()
    return trials, pace.taken, pace.runs


def by_hand(files, home):
    """Return the same for a loop with `unittest.mock`, in which each call of `open` fails with two errors."""
    body = installer(files)
    trials, pace = 0, Pace(body, home)
    for position in range(files):
        for error in (PermissionError(13, "denied"), OSError(16, "busy")):
            trials += 1
            root = Path(home, "by-hand")
            root.mkdir()
            prepare(root)
            left = iter(range(position))

            def fail(*args, left=left, error=error, real=open, **kwargs):
                if next(left, None) is None:
                    raise error
                return real(*args, **kwargs)

            with mock.patch("builtins.open", fail), suppress(OSError):
                body(root)
            found = {path: path.is_file() and path.read_bytes() for path in root.rglob("*")}
            assert found
            shutil.rmtree(root)
            pace.step()
    return trials, pace.taken, pace.runs


def show(what, rounds, measure):
    """Print the medians of some rounds."""
    rows = [
        (trials, taken / runs, taken / trials) for trials, taken, runs in (measure() for _ in range(rounds))
    ]
    trials, ratio, each = (statistics.median(column) for column in zip(*rows, strict=True))
    print(f"{what:30} {trials:5} trials, {ratio:5.2f} plain runs each, {each * 1e3:8.2f} ms each")


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--folder", help="where to work, such as /dev/shm")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as home:
        tempfile.tempdir = home  # where a sweep outside pytest works
        swept(installer(2), home)  # everything is loaded
        for files in (10, 1000, 10_000):
            show(f"by call stack, {files} files", given.rounds, lambda n=files: swept(installer(n), home))
        show("by position, 50 files", given.rounds, lambda: swept(installer(50), home, distinct="position"))
        show("by hand with mock, 50 files", given.rounds, lambda: by_hand(50, home))


if __name__ == "__main__":
    main()
