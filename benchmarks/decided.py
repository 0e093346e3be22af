"""What a call costs that a rule concerns, and one that is only written down, against the raw call.

Run by hand: ``python benchmarks/decided.py``. All variants run in one process and take turns; counted is the processor
time of the thread. Printed are medians over the rounds: microseconds a call, and the ratio to the raw call of the same round.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
from contextlib import nullcontext
from time import thread_time_ns

from pytest_fsfault import inject

# In a tuple no exchange of names finds it.
CPU_TIME = (thread_time_ns,)
CALLS, ROUNDS = 300, 11


def stat(path):
    os.stat(path)


def rename(path):
    os.rename(path, f"{path}x")
    os.rename(f"{path}x", path)


def open_close(path):
    open(path).close()


def os_open_close(path):
    os.close(os.open(path, os.O_RDONLY))


def create_unlink(path):
    os.close(os.open(f"{path}y", os.O_CREAT | os.O_WRONLY))
    os.unlink(f"{path}y")


#: What is called, how often that is, and the operation that the rule is about.
WORK = {
    "os.stat": (stat, 1, "os.stat"),
    "os.rename": (rename, 2, "os.rename"),
    "open + close": (open_close, 1, "open"),
    "os.open + os.close": (os_open_close, 1, "os.open"),
    "create + unlink": (create_unlink, 1, "os.remove"),
}


def variants(root, operation):
    """Return the sessions that are compared."""
    rule = f"{operation} -> EACCES when nth 999999999 or never"
    return {
        "plain": nullcontext(),
        "a rule concerns it": inject(rule, roots=[root], native=False),
        "observe": inject(profile="observe", roots=[root], native=False),
    }


def measure(root, work, operation):
    """Return microseconds of each variant, one round."""
    path, found = os.path.join(root, "file"), {}
    for name, session in variants(root, operation).items():
        with session:
            work(path)
            began = CPU_TIME[0]()
            for _ in range(CALLS):
                work(path)
            found[name] = (CPU_TIME[0]() - began) / CALLS / 1_000
    return found


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    rounds = parser.parse_args().rounds
    for name, (work, calls, operation) in WORK.items():
        with tempfile.TemporaryDirectory() as root:
            with open(os.path.join(root, "file"), "w"):
                pass
            found = [measure(root, work, operation) for _ in range(rounds)]
        columns = []
        for variant in found[0]:
            cost = statistics.median(one[variant] for one in found) / calls
            ratio = statistics.median(one[variant] / one["plain"] for one in found)
            columns.append(f"{variant} {cost:6.2f} µs {ratio:5.1f}x")
        print(f"{name:20}", "   ".join(columns))


if __name__ == "__main__":
    main()
