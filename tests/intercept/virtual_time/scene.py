"""What the tests of virtual time have in common."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from time import perf_counter as real_time

from pytest_fsfault._core.clock import VirtualClock
from pytest_fsfault._intercept.virtual_time.threads import ThreadActivity
from pytest_fsfault._intercept.virtual_time.time_functions import VirtualTime

real_sleep = time.sleep


@contextlib.contextmanager
def virtual(clock=None, **options):
    """Put a clock in force."""
    clock = VirtualClock(ThreadActivity()) if clock is None else clock
    timing = VirtualTime(**options)
    timing.start(clock)
    try:
        yield clock
    finally:
        timing.stop()


def work(seconds: float) -> None:
    """Compute for some real time."""
    end = real_time() + seconds
    while real_time() < end:
        pass


def start(*targets) -> list[threading.Thread]:
    """Start a thread for each of `targets`."""
    threads = [threading.Thread(target=target, daemon=True) for target in targets]
    for thread in threads:
        thread.start()
    return threads


def join(threads: list[threading.Thread]) -> None:
    """Wait for all of them, longer than any of them sleeps in virtual time."""
    for thread in threads:
        thread.join(100_000)
        assert not thread.is_alive()


def child(code: str) -> list[str]:
    """Return the command for a child process that runs `code`."""
    return [sys.executable, "-S", "-c", f"import time; {code}"]


def run_python(code: str) -> str:
    """Return what an interpreter of its own prints for `code`."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, timeout=60, check=True, capture_output=True, text=True)
    return done.stdout.strip()
