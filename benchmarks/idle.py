"""What a test costs that touches nothing, and the start of a run, relative to what pytest itself takes for them.

Run by hand, best in an environment that has only pytest and the plugin: ``python benchmarks/idle.py``.

Each round runs each variant once with 1,000 tests and once with one, so that the load of the machine meets all of
them alike; times are processor time of the whole run, figures are medians of the rounds.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

TESTS = 1000
ROUNDS = 9
SOURCE = """
import os, pytest
@pytest.mark.parametrize("n", range(int(os.environ["TESTS"])))
def test_nothing(n): pass
"""
VARIANTS = {
    "pytest alone": ["-p", "no:fsfault"],
    "the plugin, unused": [],
    "--fsfault-profile observe": ["--fsfault-profile", "observe"],
    "--fsfault": ["--fsfault"],
}


def spent(folder, options, tests):
    """Return the processor time of one run, in seconds."""
    environment = {**os.environ, "TESTS": str(tests)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # else each start would compile everything anew
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:randomly",
        *options,
        folder,
    ]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=folder, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measured(rounds):
    """Return by variant, for each round, the seconds of a start and those of one test."""
    found = {name: [] for name in VARIANTS}
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "test_nothing.py").write_text(SOURCE)
        for number in range(rounds + 1):  # the first one writes bytecode
            for name, options in VARIANTS.items():
                start = spent(folder, options, 1)
                per_test = (spent(folder, options, TESTS) - start) / (TESTS - 1)
                if number:
                    found[name].append((start, per_test))
    return found


def main():
    found = measured(int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS)
    alone = found["pytest alone"]
    print(f"{'':27}  {'start of a run':>24}  {'a test that touches nothing':>30}")
    for name, rows in found.items():
        shown = []
        for place in (0, 1):
            pairs = [(row[place], base[place]) for row, base in zip(rows, alone, strict=True)]
            median = statistics.median(taken for taken, _ in pairs) * 1000
            added = statistics.median(taken - base for taken, base in pairs) * 1000
            ratio = statistics.median(taken / base for taken, base in pairs)
            shown.append(f"{median:8.2f} ms +{added:6.2f} {ratio:5.2f}x")
        print(f"{name:27}  {shown[0]}  {shown[1]:>30}")


if __name__ == "__main__":
    main()
