"""What a child process pays: its start, its first call under faults, each call that the parent decides, an installation.

Run it by hand: `python benchmarks/children.py`. The variants take turns within a round; medians are printed, of times by
the clock, and for starts also of the processor time of the child and of this process.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from contextlib import nullcontext
from importlib.util import find_spec
from pathlib import Path

from pytest_fsfault import inject

CALLS = 2_000

STARTS = {
    "pass": "pass",
    "import json": "import json",
    "one call": "import os, sys; os.stat(sys.argv[1])",
    "imports of an installer": "import dataclasses, json, logging, pathlib, shutil, subprocess, tempfile, typing",
    "these and one call": "import dataclasses, json, logging, os, pathlib, shutil, subprocess, sys, tempfile, typing; os.stat(sys.argv[1])",
}
UNCONCERNED, DECIDED = "os.rename *.exe -> EACCES or never", "os.rename -> EACCES when nth 99999 or never"
# A rule and keywords; with `native` the calls of the child are met as those of a native program, too.
RULES = {
    "unconcerned": (UNCONCERNED, {"native": False}),
    "observed": (UNCONCERNED, {"native": False, "profile": "observe"}),
    "decided": (DECIDED, {"native": False}),
    "Windows model": (UNCONCERNED, {"native": False, "windows": "11"}),
    "unconcerned, native": (UNCONCERNED, {}),
    "observed, native": (UNCONCERNED, {"profile": "observe"}),
    "decided, native": (DECIDED, {}),
}
# Under `observe`, and under what `--fsfault` has in force by default.
INSTALLATIONS = {
    "observe": lambda root: inject(roots=[root], profile="observe", strict=False),
    "fsfault": lambda root: inject(roots=[root], profile="windows", strict=False),
}
WHEELS, FILES = 3, 8
# The first calls are not measured: what they cost, which is the cost of attaching, is told by the starts.
LOOP = f"""
import os, sys, time
path = sys.argv[1]
def loop(times):
    for _ in range(times):
        os.rename(path, path + "x")
        os.rename(path + "x", path)
loop(10)
began, used = time.clock_gettime(time.CLOCK_MONOTONIC), time.clock_gettime(time.CLOCK_PROCESS_CPUTIME_ID)
loop({CALLS})
print((time.clock_gettime(time.CLOCK_MONOTONIC) - began) / {2 * CALLS})
print((time.clock_gettime(time.CLOCK_PROCESS_CPUTIME_ID) - used) / {2 * CALLS})
"""


def used():
    """Return the processor time of this process and of its children so far, in seconds."""
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(sum(resource.getrusage(kind)[:2]) for kind in kinds)


def start(command):
    """Return how long a process takes, in seconds: by the clock, and of a processor."""
    began, before = time.clock_gettime(time.CLOCK_MONOTONIC), used()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.clock_gettime(time.CLOCK_MONOTONIC) - began, used() - before


def python(code, path):
    """Return how long an interpreter with this code takes."""
    return start([sys.executable, "-c", code, path])


def loop(path):
    """Return how long one rename in a child takes, in seconds: by the clock, and of a processor in the child."""
    done = subprocess.run([sys.executable, "-c", LOOP, path], check=True, capture_output=True, text=True)
    return tuple(map(float, done.stdout.split()))


def wheel(directory, name):
    """Make a wheel of a few small files; return its path."""
    path = directory / f"{name}-1.0-py3-none-any.whl"
    info = f"{name}-1.0.dist-info"
    files = {f"{name}/module{number}.py": f"NUMBER = {number}\n" for number in range(FILES)}
    files[f"{name}/__init__.py"] = ""
    files[f"{info}/METADATA"] = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
    files[f"{info}/WHEEL"] = (
        "Wheel-Version: 1.0\nGenerator: benchmark\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    )
    files[f"{info}/RECORD"] = "".join(f"{one},,\n" for one in (*files, f"{info}/RECORD"))
    with zipfile.ZipFile(path, "w") as archive:
        for one, text in files.items():
            archive.writestr(one, text)
    return str(path)


def installations(root, rounds):
    """Print what `pip install` of three local wheels takes, as ratios within a round; nothing but a target is changed."""
    if find_spec("pip") is None:
        print("pip install: there is no pip here")
        return
    wheels = [wheel(root, f"fsfault_sample{number}") for number in range(WHEELS)]
    options = "--isolated --no-index --no-deps --no-cache-dir --disable-pip-version-check --no-input --quiet --no-warn-script-location"
    found = {}
    for number in range(rounds + 1):
        took = {}
        for name, under in {"plain": lambda _root: nullcontext(), **INSTALLATIONS}.items():
            target = root / f"{name}{number}"
            with under(root):
                took[name] = start(
                    [sys.executable, "-m", "pip", "install", *options.split(), "--target", target, *wheels]
                )
            assert len(list(target.glob("fsfault_sample0/*.py"))) == FILES + 1, "pip has not installed"
        for name in took if number else ():  # the first round makes caches
            ratios = [one / plain for one, plain in zip(took[name], took["plain"], strict=True)]
            found.setdefault(name, []).append((took[name][0], *ratios))
    plain = statistics.median(row[0] for row in found["plain"])
    for name in INSTALLATIONS:
        by_clock, of_processor = (statistics.median(row[place] for row in found[name]) for place in (1, 2))
        print(
            f"pip install of {WHEELS} wheels, {plain:.2f} s, {name:8} {by_clock:.2f}x  processor {of_processor:.2f}x"
        )


def starts(path, rounds):
    """Print what a child's start and its first call take."""
    found = {}
    for _ in range(rounds):
        for name, code in STARTS.items():
            found.setdefault(name, []).append(python(code, path))
            with inject("os.rmdir -> EACCES or never", roots=[os.path.dirname(path)], native=False):
                found.setdefault(f"{name}, faults", []).append(python(code, path))
    for name in STARTS:
        plain, plain_used = (statistics.median(column) * 1e3 for column in zip(*found[name], strict=True))
        faults, faults_used = (
            statistics.median(column) * 1e3 for column in zip(*found[f"{name}, faults"], strict=True)
        )
        print(
            f"start: {name:24} {plain:6.1f} ms  under faults {faults:6.1f} ms  +{faults - plain:.1f} ms  {faults / plain:.2f}x"
            f"  processor {plain_used:6.1f} ms  +{faults_used - plain_used:.1f} ms  {faults_used / plain_used:.2f}x"
        )


def calls(path, rounds):
    """Print what a rename in a child takes."""
    found = {}
    for _ in range(rounds):
        found.setdefault("call", []).append(loop(path))
        for name, (rule, keywords) in RULES.items():
            with inject(rule, roots=[os.path.dirname(path)], **keywords):
                found.setdefault(name, []).append(loop(path))
    plain, plain_used = (statistics.median(column) * 1e6 for column in zip(*found["call"], strict=True))
    for name in RULES:
        took, used_there = (statistics.median(column) * 1e6 for column in zip(*found[name], strict=True))
        print(
            f"os.rename, {name:20} {plain:6.1f} us  in a child {took:6.1f} us  {took / plain:.1f}x"
            f"  processor there {plain_used:6.1f} us  {used_there:6.1f} us  {used_there / plain_used:.1f}x"
        )


PARTS = {
    "starts": starts,
    "calls": calls,
    "pip": lambda path, rounds: installations(Path(path).parent, rounds),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--only", nargs="*", default=list(PARTS), choices=list(PARTS))
    options = parser.parse_args()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # as where it is installed
    for part in options.only:
        with tempfile.TemporaryDirectory() as root:
            path = os.path.join(root, "file")
            with open(path, "w"):
                pass
            PARTS[part](path, options.rounds)


if __name__ == "__main__":
    main()
