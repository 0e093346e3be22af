"""What standing in between costs: each call under faults against the raw call.

Run by hand: ``python benchmarks/calls.py``. Every variant is a process of its own; they take turns, a chunk
each, so that a noisy machine slows all of them alike. Printed are medians of the ratios within a round.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from contextlib import ExitStack, nullcontext
from operator import truediv
from time import perf_counter_ns

# In a tuple no exchange of names finds it: under faults the clock of this module is virtual.
REAL_TIME = (perf_counter_ns,)

FILES = 2_000
RULES = (
    "os.stat, os.lstat *.exe -> ERROR_ACCESS_DENIED or never",
    "rename *.dll -> ERROR_ACCESS_DENIED or never",
    "open, os.open *.pyd -> ERROR_SHARING_VIOLATION or never",
    "delete other/*.lock -> ERROR_SHARING_VIOLATION or never",
)
ANY = (
    "any *.exe -> ERROR_ACCESS_DENIED or never",
    "any other/*.dll -> ERROR_ACCESS_DENIED or never",
    "any **/locked/** -> ERROR_SHARING_VIOLATION or never",
    "mutate blank.txt -> ERROR_SHARING_VIOLATION or never",
)


def stat(paths):
    for path, _ in paths:
        os.stat(path)


def rename(paths):
    for path, other in paths:
        os.rename(path, other)


def replace(paths):
    for path, other in paths:
        os.replace(path, other)


def open_close(paths):
    for path, _ in paths:
        open(path).close()


def os_open_close(paths):
    for path, _ in paths:
        os.close(os.open(path, os.O_RDONLY))


def create_unlink(paths):
    for _, other in paths:
        open(other, "w").close()
        os.unlink(other)


MOVES = (rename, replace)
CASES = {case.__name__: case for case in (stat, rename, replace, open_close, os_open_close, create_unlink)}
GOALS = {
    ("again", "stat"): 1.7,
    ("again", "rename"): 1.3,
    ("again", "replace"): 1.3,
    ("again", "open_close"): 1.3,
    ("again", "os_open_close"): 2.1,
    ("again", "create_unlink"): 1.5,
    ("first", "stat"): 2.2,
    ("first", "replace"): 1.6,
    ("first", "open_close"): 1.5,
    ("first", "os_open_close"): 2.5,
}


def variants():
    return {
        "raw": lambda root: nullcontext(),
        "fsfault": lambda root: _inject(root, RULES),
        "four rules on `any`": lambda root: _inject(root, ANY),
        "Windows model": lambda root: _inject(root, (), windows="11"),
        "unwatched": lambda root: _inject(os.path.join(root, "elsewhere"), RULES),
        "unittest.mock": lambda root: _mock(),
        "pyfakefs": lambda root: _fake(),
    }


def _inject(root, rules, **keywords):
    from pytest_fsfault import inject

    return inject(*rules, roots=[root], **keywords)


def _mock():
    from unittest import mock

    stack = ExitStack()
    for name in ("stat", "rename", "replace", "open", "close", "unlink"):
        stack.enter_context(mock.patch(f"os.{name}", side_effect=getattr(os, name)))
    stack.enter_context(mock.patch("builtins.open", side_effect=open))
    return stack


def _fake():
    from pyfakefs.fake_filesystem_unittest import Patcher

    return Patcher()


def _paths(root, count):
    os.makedirs(root, exist_ok=True)
    pairs = [
        (os.path.join(root, f"file-{i}.txt"), os.path.join(root, f"moved-{i}.txt")) for i in range(count)
    ]
    for path, _ in pairs:
        with open(path, "w") as file:
            file.write("some text\n")
    return pairs


def work(variant, root, loops):
    """Answer one line for each line of input: ``again stat`` runs a chunk and prints its nanoseconds."""
    with variants()[variant](root):
        many = _paths(os.path.join(root, "many"), FILES)
        one = _paths(os.path.join(root, "one"), 1)
        print("ready", flush=True)
        for line in sys.stdin:
            kind, name = line.split()
            for _ in range(100):  # a process that has slept is slow at first
                _there_and_back(CASES[name], one)
            print(_chunk(kind, CASES[name], many if kind == "first" else one, loops), flush=True)


def _chunk(kind, case, paths, loops):
    if kind == "first":
        _forget()
        rounds = [paths]
    else:
        rounds = [paths] * loops
    start = REAL_TIME[0]()
    for chunk in rounds:
        _there_and_back(case, chunk)
    return REAL_TIME[0]() - start


def _there_and_back(case, paths):
    case(paths)
    if case in MOVES:
        case([(other, path) for path, other in paths])


def _forget():
    module = sys.modules.get("pytest_fsfault._intercept.interceptor")
    if module is not None:
        module.interceptor().refresh()


def measure(names, rounds, loops, folder):
    """Return for each (kind, case) the median of raw chunks in nanoseconds, and of the ratios to it in each round."""
    taken = {}
    with ExitStack() as stack:
        children = {name: stack.enter_context(_child(name, stack, loops, folder)) for name in names}
        for _ in range(rounds):
            for kind in ("again", "first"):
                for case in CASES:
                    for name, child in children.items():
                        child.stdin.write(f"{kind} {case}\n")
                        child.stdin.flush()
                        taken.setdefault((kind, case, name), []).append(int(child.stdout.readline()))
        for child in children.values():
            child.stdin.close()
    return {
        (kind, case, name): statistics.median(
            values if name == "raw" else map(truediv, values, taken[kind, case, "raw"])
        )
        for (kind, case, name), values in taken.items()
    }


def _child(name, stack, loops, folder):
    root = stack.enter_context(tempfile.TemporaryDirectory(dir=folder))
    command = [sys.executable, __file__, "--variant", name, "--root", root, "--loops", str(loops)]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    child.stdout.readline()
    return child


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--variant")
    parser.add_argument("--root")
    parser.add_argument("--loops", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=101)
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--folder", default="/dev/shm" if os.path.isdir("/dev/shm") else None)
    given = parser.parse_args()
    if given.variant:
        work(given.variant, given.root, given.loops)
        return
    names = ["raw", *(given.only or [name for name in variants() if name != "raw"])]
    medians = measure(names, given.rounds, given.loops, given.folder)
    print(f"{'':6} {'':14} {'raw':>9} " + " ".join(f"{name:>20}" for name in names[1:]) + f" {'goal':>6}")
    for kind in ("again", "first"):
        for case, function in CASES.items():
            raw = medians[kind, case, "raw"]
            calls = (given.loops if kind == "again" else FILES) * (2 if function in MOVES else 1)
            ratios = " ".join(f"{medians[kind, case, name]:19.2f}x" for name in names[1:])
            goal = GOALS.get((kind, case))
            print(
                f"{kind:6} {case:14} {raw / calls / 1000:6.2f} µs {ratios} {f'{goal:5.1f}x' if goal else '':>6}"
            )


if __name__ == "__main__":
    main()
