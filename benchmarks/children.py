"""What a child process pays: its start, its first call under faults, and each call that the parent decides.

Run it by hand: `python benchmarks/children.py`. The variants take turns within a round; medians are printed.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time

from pytest_fsfault import inject

CALLS = 2_000

STARTS = {
    "pass": "pass",
    "import json": "import json",
    "one call": "import os, sys; os.stat(sys.argv[1])",
    "imports of an installer": "import dataclasses, json, logging, pathlib, shutil, subprocess, tempfile, typing",
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
LOOP = f"""
import os, sys, time
path = sys.argv[1]
began = time.clock_gettime(time.CLOCK_MONOTONIC)
for _ in range({CALLS}):
    os.rename(path, path + "x")
    os.rename(path + "x", path)
print((time.clock_gettime(time.CLOCK_MONOTONIC) - began) / {2 * CALLS})
"""


def start(code, path):
    """Return how long an interpreter with this code takes, in seconds."""
    began = time.clock_gettime(time.CLOCK_MONOTONIC)
    subprocess.run([sys.executable, "-c", code, path], check=True)
    return time.clock_gettime(time.CLOCK_MONOTONIC) - began


def loop(path):
    """Return how long one rename in a child takes, in seconds."""
    done = subprocess.run([sys.executable, "-c", LOOP, path], check=True, capture_output=True, text=True)
    return float(done.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # as where it is installed
    with tempfile.TemporaryDirectory() as root:
        path = os.path.join(root, "file")
        with open(path, "w"):
            pass
        found = {}
        for _ in range(rounds):
            for name, code in STARTS.items():
                found.setdefault(name, []).append(start(code, path))
                with inject("os.rmdir -> EACCES or never", roots=[root], native=False):
                    found.setdefault(f"{name}, faults", []).append(start(code, path))
            found.setdefault("call", []).append(loop(path))
            for name, (rule, keywords) in RULES.items():
                with inject(rule, roots=[root], **keywords):
                    found.setdefault(f"call, {name}", []).append(loop(path))
    for name in STARTS:
        plain, faults = statistics.median(found[name]), statistics.median(found[f"{name}, faults"])
        print(
            f"start: {name:26} {plain * 1e3:7.1f} ms  under faults {faults * 1e3:7.1f} ms  +{(faults - plain) * 1e3:.1f} ms  {faults / plain:.2f}x"
        )
    plain = statistics.median(found["call"])
    for name in RULES:
        took = statistics.median(found[f"call, {name}"])
        print(
            f"os.rename, {name:20} {plain * 1e6:7.1f} us  in a child {took * 1e6:7.1f} us  {took / plain:.1f}x"
        )


if __name__ == "__main__":
    main()
