"""What a native program costs that is asked about, as ratios to the same program without the plugin, in one run.

Run by hand: ``python benchmarks/native.py [--uv PATH --wheels DIRECTORY]``. Calls are measured by a program that is
compiled for it (a C compiler is needed), starts by `true`, an installation by a release of uv with four wheels.
"""

from __future__ import annotations

import argparse
import os
import queue
import resource
import select
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import nullcontext
from functools import partial
from pathlib import Path

from pytest_fsfault import inject
from pytest_fsfault._intercept.native import bpf
from pytest_fsfault._intercept.native.notify import NotificationListener
from pytest_fsfault._intercept.native.starting import Start

# The best of many short batches: on a busy machine the others take their time from the long ones.
LOOP = r"""
#include <stdio.h>
#include <stdlib.h>
#include <fcntl.h>
#include <unistd.h>
#include <time.h>
static double now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec * 1e6 + t.tv_nsec / 1e3; }
#define BEST(what) best = 1e9; for (int b = 0; b < n; b++) { t = now(); for (int i = 0; i < 20; i++) { what; } \
  t = (now() - t) / 20; if (t < best) best = t; } printf("%f ", best);
int main(int argc, char **argv) {
  int n = atoi(argv[1]); double t, best;
  close(open("r0", O_CREAT | O_WRONLY, 0600));
  BEST(close(open("r0", O_RDONLY)))
  BEST(rename(i % 2 ? "r1" : "r0", i % 2 ? "r0" : "r1"))
  BEST(close(open("w", O_CREAT | O_WRONLY, 0600)); unlink("w"))
  return 0;
}
"""
# Whoever answers "go ahead" and does nothing else, as fast as it can be done.
FLOOR = r"""
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
static int listener; static char **program;
static void *start(void *nothing) {
  struct sock_filter code[] = {CODE};
  struct sock_fprog filter = {sizeof code / sizeof *code, code};
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  listener = syscall(SYS_seccomp, 1, 8 | 32, &filter);
  if (listener < 0) exit(3);
  pid_t child = fork();
  if (!child) { execv(program[0], program); _exit(1); }
  return (void *)(long)child;
}
int main(int argc, char **argv) {
  pthread_t thread; void *child; struct seccomp_notif asked; struct seccomp_notif_resp answer;
  program = argv + 1;
  pthread_create(&thread, 0, start, 0); pthread_join(thread, &child);
  ioctl(listener, 0x40082104, 1);
  for (;;) {
    struct pollfd ready = {listener, POLLIN, 0};
    poll(&ready, 1, -1);
    if (!(ready.revents & POLLIN)) break;
    memset(&asked, 0, sizeof asked); memset(&answer, 0, sizeof answer);
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &asked) < 0) continue;
    answer.id = asked.id; answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
  }
  waitpid((long)child, 0, 0);
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
BATCHES, ROUNDS = 40, 5


def calls(root):
    """Print the time of each call, and its ratio to the same one without the plugin."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        print("no C compiler: calls are not measured")
        return
    code = bpf.for_this_machine()
    steps = ",".join("{{{},{},{},{}}}".format(*step) for step in struct.iter_unpack("=HBBI", code))
    for name, text in (("loop", LOOP), ("floor", FLOOR.replace("CODE", steps))):
        command = [compiler, "-O2", "-pthread", "-x", "c", "-o", root / name, "-"]
        subprocess.run(command, input=text, text=True, check=True)
    loop = [str(root / "loop"), str(BATCHES)]

    def measure(command=loop, start=plain):
        told = start(command, cwd=root, capture_output=True, text=True)
        return [float(one) for one in told.stdout.split()]

    def under(way):
        with way(root):
            return measure()

    ways = {
        "without the plugin": measure,
        "answered by C": lambda: measure([str(root / "floor"), *loop]),
        "answered by bare Python": lambda: measure(start=bare),
        **{name: partial(under, way) for name, way in WAYS.items()},
    }
    found = {name: [] for name in ways}
    for _ in range(ROUNDS):  # in turns, since the machine has moods
        for name, way in ways.items():
            found[name].append(way())
    best = {name: [min(one) for one in zip(*each, strict=True)] for name, each in found.items()}
    raw = best["without the plugin"]
    print(f"{'microseconds a call':26}" + "".join(f"{name:>26}" for name in CALLS))
    for name, each in best.items():
        print(
            f"{name:26}"
            + "".join(f"{one:18.1f} {one / was:6.2f}x" for one, was in zip(each, raw, strict=True))
        )


def plain(command, **options):
    """Run a program."""
    return subprocess.run(command, check=True, **options)


def bare(command, **options):
    """Run a program whose calls are answered by a loop that does nothing but that."""
    descriptors = queue.SimpleQueue()

    def answer():
        listener = NotificationListener(descriptors.get())
        poll = select.poll()
        poll.register(listener.descriptor, select.POLLIN)
        while poll.poll()[0][1] & select.POLLIN:
            asked = listener.receive()
            if asked is not None:
                listener.proceed(asked[0])
        listener.close()

    # Before there is a filter: whoever answers must have none.
    thread = threading.Thread(target=answer)
    thread.start()
    code = bpf.for_this_machine()
    done = Start(code, lambda: subprocess.run(command, check=True, **options), descriptors.put).run()
    thread.join()
    return done


def starts(root):
    """Print the time of a start, the best of many."""
    rule = "os.remove zz -> EIO or never"
    ways = {
        "without the plugin": nullcontext,
        "native=False": lambda: inject(rule, roots=[root], native=False, clock="real"),
        "under a filter": lambda: inject(rule, roots=[root], clock="real"),
    }
    found = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, way in ways.items():
            with way():
                subprocess.run(["true"], check=True)
                for _ in range(20):
                    began = time.perf_counter_ns()
                    subprocess.run(["true"], check=True)
                    found[name].append(time.perf_counter_ns() - began)
    best = {name: min(each) / 1e6 for name, each in found.items()}
    raw, without, native = best.values()
    print(f"a start: {', '.join(f'{name} {one:.2f} ms' for name, one in best.items())}")
    print(
        f"  a filter costs {native / without:.2f}x of a start under faults, {native / raw:.2f}x of one without"
    )


def install(root, uv, wheels):
    """Print the time of an installation of four wheels by uv: on the clock, and of both processors together."""
    names = ("six", "idna", "markupsafe", "numpy")

    def measure(context):
        home = Path(tempfile.mkdtemp(dir=root))
        environment = {
            **os.environ, "HOME": str(home), "UV_CACHE_DIR": str(home / "cache"), "UV_OFFLINE": "1", "UV_NO_CONFIG": "1",
        }  # fmt: skip
        environment.pop("VIRTUAL_ENV", None)
        subprocess.run([uv, "venv", "-q", "v", "-p", sys.executable], cwd=home, env=environment, check=True)
        command = [uv, "pip", "install", "-q", "--python", "v/bin/python", "--find-links", wheels, *names]
        with context:
            began, used = time.perf_counter(), processor_time()
            subprocess.run(command, cwd=home, env=environment, check=True)
            found = time.perf_counter() - began, processor_time() - used
        shutil.rmtree(home)
        return found

    ways = {
        "without": nullcontext,
        "a rule for deletions": lambda: inject("os.remove zz -> EIO or never", roots=[root], clock="real"),
        "a rule for all changes": lambda: inject("mutate zz -> EIO or never", roots=[root], clock="real"),
        "observe": lambda: inject(roots=[root], profile="observe", clock="real"),
    }
    found = {name: [] for name in ways}
    for _ in range(7):  # in turns, since the machine has moods
        for name, way in ways.items():
            found[name].append(measure(way()))
    best = {name: [min(one) for one in zip(*each, strict=True)] for name, each in found.items()}
    for name, each in best.items():
        wall, used = (
            f"{one:.2f} s, {one / raw:.2f}x" for one, raw in zip(each, best["without"], strict=True)
        )
        print(f"uv pip install of four wheels, {name}: {wall}; of the processors {used}")


def processor_time():
    """Return the seconds that this process and its children have used."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


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
