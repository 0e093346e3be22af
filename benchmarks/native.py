"""What a native program costs that is asked about, as ratios to the same program without the plugin, in one run.

Run by hand: ``python benchmarks/native.py [--uv PATH --wheels DIRECTORY]``. Calls are measured by a program that is
compiled for it (a C compiler is needed), starts by `true`, an installation by a release of uv with four wheels.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path

from pytest_fsfault import inject

LOOP = r"""
#include <stdio.h>
#include <stdlib.h>
#include <fcntl.h>
#include <unistd.h>
#include <time.h>
static double now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec * 1e6 + t.tv_nsec / 1e3; }
int main(int argc, char **argv) {
  int n = atoi(argv[1]); double t;
  close(open("r0", O_CREAT | O_WRONLY, 0600));
  t = now(); for (int i = 0; i < n; i++) close(open("r0", O_RDONLY)); printf("%f ", (now() - t) / n);
  t = now(); for (int i = 0; i < n; i++) rename(i % 2 ? "r1" : "r0", i % 2 ? "r0" : "r1"); printf("%f ", (now() - t) / n);
  t = now(); for (int i = 0; i < n; i++) { close(open("w", O_CREAT | O_WRONLY, 0600)); unlink("w"); } printf("%f", (now() - t) / n);
  return 0;
}
"""
CALLS = ("open for reading", "rename", "create and unlink")
WAYS = {
    "no rule could concern it": lambda root: inject("os.stat zz -> EIO or never", roots=[root]),
    "a rule on other paths": lambda root: inject("mutate zz -> EIO or never", roots=[root]),
    "a rule on these paths": lambda root: inject("rename r* -> EIO when nth 1000000 or never", roots=[root]),
    "observe": lambda root: inject(roots=[root], profile="observe"),
}
CALLS_PER_RUN, RUNS = 1000, 7


def calls(root):
    """Print the time of each call, and its ratio to the same one without the plugin."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        print("no C compiler: calls are not measured")
        return
    program = root / "loop"
    subprocess.run([compiler, "-O2", "-x", "c", "-o", program, "-"], input=LOOP, text=True, check=True)

    def measure():
        told = subprocess.run(
            [program, str(CALLS_PER_RUN)], cwd=root, capture_output=True, text=True, check=True
        )
        return [float(one) for one in told.stdout.split()]

    raw = [statistics.median(one) for one in zip(*(measure() for _ in range(RUNS)), strict=True)]
    print(f"{'microseconds a call':28}" + "".join(f"{name:>26}" for name in CALLS))
    print(f"{'without the plugin':28}" + "".join(f"{one:26.1f}" for one in raw))
    for name, way in WAYS.items():
        with way(root):
            found = [statistics.median(one) for one in zip(*(measure() for _ in range(RUNS)), strict=True)]
        print(
            f"{name:28}"
            + "".join(f"{one:18.1f} {one / was:6.2f}x" for one, was in zip(found, raw, strict=True))
        )


def starts(root):
    """Print the time of a start."""

    def measure(context):
        found = []
        with context:
            for _ in range(60):
                began = time.perf_counter_ns()
                subprocess.run(["true"], check=True)
                found.append(time.perf_counter_ns() - began)
        return statistics.median(found) / 1e6

    rule = "os.remove zz -> EIO or never"
    raw = measure(nullcontext())
    without = measure(inject(rule, roots=[root], native=False, clock="real"))
    native = measure(inject(rule, roots=[root], clock="real"))
    print(
        f"a start: {raw:.2f} ms without the plugin; {without:.2f} ms with native=False; {native:.2f} ms under a filter"
    )
    print(
        f"  a filter costs {native / without:.2f}x of a start under faults, {native / raw:.2f}x of one without"
    )


def install(root, uv, wheels):
    """Print the time of an installation of four wheels by uv."""
    names = ("six", "idna", "markupsafe", "numpy")

    def measure(context):
        home = Path(tempfile.mkdtemp(dir=root))
        environment = {
            **os.environ,
            "UV_CACHE_DIR": str(home / "cache"),
            "UV_OFFLINE": "1",
            "UV_NO_CONFIG": "1",
        }
        environment.pop("VIRTUAL_ENV", None)
        subprocess.run([uv, "venv", "-q", "v", "-p", sys.executable], cwd=home, env=environment, check=True)
        command = [uv, "pip", "install", "-q", "--python", "v/bin/python", "--find-links", wheels, *names]
        with context:
            began = time.perf_counter()
            subprocess.run(command, cwd=home, env=environment, check=True)
            found = time.perf_counter() - began
        shutil.rmtree(home)
        return found

    ways = {
        "without": nullcontext,
        "a rule": lambda: inject("os.remove zz -> EIO or never", roots=[root]),
        "observe": lambda: inject(roots=[root], profile="observe"),
    }
    found = {name: [] for name in ways}
    for _ in range(5):  # in turns, since the machine has moods
        for name, way in ways.items():
            found[name].append(measure(way()))
    raw = statistics.median(found["without"])
    for name, each in found.items():
        print(
            f"uv pip install of four wheels, {name}: {statistics.median(each):.2f} s, {statistics.median(each) / raw:.2f}x"
        )


def main():
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--uv", type=Path)
    parser.add_argument("--wheels", type=Path)
    asked = parser.parse_args()
    root = Path(tempfile.mkdtemp())
    try:
        calls(root)
        starts(root)
        if asked.uv and asked.wheels:
            install(root, asked.uv, asked.wheels)
    finally:
        shutil.rmtree(root)


if __name__ == "__main__":
    main()
