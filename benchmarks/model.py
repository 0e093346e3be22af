"""What the Windows model costs beyond single calls: whole trees, and many holds.

Run by hand: ``python benchmarks/model.py``. Ratios within one process, medians over interleaved rounds. Single
calls under the model are a variant of ``benchmarks/calls.py``.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import tempfile
from time import perf_counter_ns

from pytest_fsfault import inject

# In a tuple no exchange of names finds it: under faults the clock of this module is virtual.
REAL_TIME = (perf_counter_ns,)
FILES, PER_DIRECTORY = 10_000, 100


def plant(root):
    """Make a tree of 10,000 small files."""
    for start in range(0, FILES, PER_DIRECTORY):
        folder = os.path.join(root, f"package-{start}")
        os.makedirs(folder)
        for number in range(PER_DIRECTORY):
            with open(os.path.join(folder, f"module_{number}.py"), "w") as file:
                file.write("x = 1\n")


def timed(call, *args):
    """Return how long a call takes, in seconds."""
    start = REAL_TIME[0]()
    call(*args)
    return (REAL_TIME[0]() - start) / 1e9


def removal(base, rounds):
    """Return the time of `rmtree` with the model and without, as a ratio of the same round."""
    ratios = []
    for _ in range(rounds):
        tree = os.path.join(base, "tree")
        plant(tree)
        plain = timed(shutil.rmtree, tree)
        plant(tree)
        with inject(windows="11", roots=[base]):
            ratios.append(timed(shutil.rmtree, tree) / plain)
    return statistics.median(ratios)


def directory_rename(base, rounds, holds):
    """Return how long a directory with 10,000 files below takes to rename, in milliseconds."""
    tree, other, elsewhere = (os.path.join(base, name) for name in ("tree", "moved", "elsewhere"))
    plant(tree)
    os.mkdir(elsewhere)
    with inject(windows="11", roots=[base], strict=False) as fsfault:
        for number in range(holds):
            path = os.path.join(elsewhere, f"{number}.dll")
            open(path, "w").close()
            fsfault.windows().hold(path)
        times = [timed(os.rename, *pair) for _ in range(rounds) for pair in ((tree, other), (other, tree))]
    shutil.rmtree(tree)
    shutil.rmtree(elsewhere)
    return statistics.median(times) * 1e3


def replace_among(base, rounds, holds):
    """Return how long a replace takes while so many other files are held, in microseconds."""
    source, target = os.path.join(base, "a.txt"), os.path.join(base, "b.txt")
    paths = [os.path.join(base, f"{number}.dll") for number in range(holds)]
    for path in (source, *paths):
        open(path, "w").close()
    with inject(windows="11", roots=[base], strict=False) as fsfault:
        for path in paths:
            fsfault.windows().hold(path)
        times = [timed(_there_and_back, source, target) / 2 for _ in range(rounds * 50)]
    for path in (source, *paths):
        os.unlink(path)
    return statistics.median(times) * 1e6


def among_held(base, rounds, held):
    """Return how long a rename, and writing a file, take in a directory where a scanner holds so many files.

    In microseconds.
    """
    with (
        tempfile.TemporaryDirectory(dir=base) as root,
        inject(windows="11", roots=[root], strict=False) as fsfault,
    ):
        fsfault.windows().scanner(hold="1000s", share="r", on="*.dll")
        for number in range(held):
            _write(os.path.join(root, f"{number}.dll"))
        source, target = os.path.join(root, "a.txt"), os.path.join(root, "b.txt")
        _write(source)
        renames = [timed(_there_and_back, source, target) / 2 for _ in range(rounds * 20)]
        writes = [timed(_write, os.path.join(root, f"new-{number}.dll")) for number in range(rounds * 20)]
    return statistics.median(renames) * 1e6, statistics.median(writes) * 1e6


def unpacking(base, files):
    """Return how long it takes to unpack and rename so many files under the profile `defender`, per file in us."""
    with (
        tempfile.TemporaryDirectory(dir=base) as root,
        inject(profile="defender", roots=[root], strict=False),
    ):
        return timed(_unpack, root, files) / files * 1e6


def _unpack(root, files):
    for number in range(files):
        path = os.path.join(root, f"module_{number}.py")
        _write(f"{path}.part")
        os.rename(f"{path}.part", path)


def _write(path):
    with open(path, "w") as file:
        file.write("x = 1\n")


def _there_and_back(source, target):
    os.replace(source, target)
    os.replace(target, source)


def main():
    """Print the figures, each with its goal."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as base:
        print(
            f"rmtree of {FILES:,} files      {removal(base, given.rounds):6.2f}x the time without  (goal 2.5)"
        )
        for holds in (0, 100):
            taken = directory_rename(base, given.rounds * 5, holds)
            print(f"rename of a directory of {FILES:,}, {holds:3} holds  {taken:6.2f} ms  (goal 2)")
        for holds in (1, 10, 100, 1_000):
            print(f"replace, {holds:5,} holds elsewhere  {replace_among(base, given.rounds, holds):6.1f} us")

        grown = {held: [] for held in (250, 1_000, 4_000)}
        for _ in range(3):
            for held, times in grown.items():
                times.append(among_held(base, given.rounds, held))
        for held, times in grown.items():
            rename, write = (statistics.median(column) for column in zip(*times, strict=True))
            print(f"among {held:5,} held files: rename {rename:6.1f} us, write {write:6.1f} us")
        print(f"4,000 files unpacked and renamed under defender: {unpacking(base, 4_000):6.1f} us each")


if __name__ == "__main__":
    main()
