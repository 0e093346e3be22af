"""Interrupt the first session of a process at a step, and print what the next session does without.

Its arguments: a directory, how many steps apart, and the modules of the package that are tried, or none for all. Each
step is a forked process of its own. Of what a loop does, the first three rounds count.
"""

import asyncio
import io
import multiprocessing.connection
import os
import queue
import select
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from ast import literal_eval
from collections import Counter
from contextlib import suppress

from pytest_fsfault import inject
from pytest_fsfault._host.package import PACKAGE

MODULES = (
    os, io, shutil, time, threading, queue, select, subprocess, multiprocessing.connection, sys.modules["builtins"],
    sys.modules["_posixsubprocess"],
)  # fmt: skip
CLASSES = (
    socket.socket, subprocess.Popen, threading.Thread, asyncio.BaseEventLoop, selectors.EpollSelector,
    multiprocessing.connection.Connection.__base__,
)  # fmt: skip


class Interrupted(BaseException):
    """What a signal handler raises."""


def names():
    """Return what stands where faults are brought in."""
    return {
        (owner.__name__, name): id(value)
        for owner in (*MODULES, *CLASSES)
        for name, value in vars(owner).items()
    }


def session(root, trace=None):
    """Return what a session changes, and what acts in it."""
    before = names()
    sys.settrace(trace)
    with inject("os.mkdir bad -> EACCES", roots=[root], native=False, strict=False) as fsfault:
        sys.settrace(None)
        inside = names()
        changed = {
            f"{owner}.{name}" for (owner, name), value in inside.items() if value != before.get((owner, name))
        }
        changed |= {"a set of os" for group in (os.supports_fd, os.supports_dir_fd) if os.stat not in group}
        code = f"import os\ntry: os.mkdir({root + '/bad'!r})\nexcept PermissionError: os._exit(3)"
        if trace is None:
            child = os.fork()
            if not child:
                with suppress(BaseException):
                    os.mkdir(root + "/bad")
                os._exit(0)
            os.waitpid(child, 0)
            changed.add(f"child {subprocess.run([sys.executable, '-c', code], check=False).returncode}")
            changed.add(f"{len(fsfault.journal)} calls")
            start = time.monotonic()
            time.sleep(5)  # shorter than the alarm of the fork
            changed.add(f"slept {time.monotonic() - start:.0f}")
    changed |= {f"left {place}" for place, value in names().items() if value != before.get(place)}
    return changed


def interrupted(root, step, modules):
    """Interrupt the first session at a step; return how many there were, and where the last was."""
    seen, where, rounds = 0, "", Counter()

    def trace(frame, event, _arg):
        nonlocal seen, where
        if not frame.f_code.co_filename.startswith(PACKAGE) or frame.f_locals.get("event") == "sys.settrace":
            return None
        place = f"{frame.f_code.co_filename.removeprefix(PACKAGE)}:{frame.f_lineno} {event}"
        rounds[place] += 1
        if rounds[place] > 3 or (modules and not place.partition(".py")[0].endswith(modules)):
            return trace
        seen += 1
        if seen == step:
            sys.settrace(None)
            where = place
            raise Interrupted
        return trace

    try:
        with suppress(Interrupted):
            session(root, trace)
    finally:
        sys.settrace(None)
    return seen, where


def in_a_fork(function):
    """Return what a function returns, or how it failed, in a process of its own."""
    reading, writing = os.pipe()
    process = os.fork()
    if not process:
        signal.alarm(600)  # a step takes a fifth of a second, and on a busy machine as long as it likes
        try:
            answer = function()
        except BaseException:  # noqa: BLE001  # whatever it was, the parent says it
            answer = "", {traceback.format_exc()}
        os.write(writing, repr(answer).encode())
        os._exit(0)
    os.close(writing)
    with open(reading, "rb") as pipe:
        answer = pipe.read()
    os.waitpid(process, 0)
    return literal_eval(answer.decode() or "('', {'it hung'})")


def main(root, apart, *modules):
    """Print how many steps there are, and each after which the second session differs from one that is the first."""
    steps = in_a_fork(lambda: interrupted(root, 0, modules))[0]
    sys.stdout.write(f"{steps} steps\n")
    expected = in_a_fork(lambda: session(root))
    for step in range(1, steps + 1, int(apart)):
        where, found = in_a_fork(lambda step=step: (interrupted(root, step, modules)[1], session(root)))
        for one in sorted(found ^ expected):
            sys.stdout.write(f"step {step}, {where}: {'without' if one in expected else 'with'} {one}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
