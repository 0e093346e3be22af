"""Seeded trials of whatever could go wrong between a program that asks and who answers.

Run by hand for more: ``python tests/intercept/native/stress.py 5000``. Each trial starts a few trees of shells, with
threads, signals, kills, daemons, closed descriptors and forks of this process in between, under rules that refuse,
delay, or come after the call. It must end in time; every directory that a program has made is one entry, and every
entry is one directory or one refusal; afterwards no process, descriptor or thread is left.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from pytest_fsfault import inject

# Real seconds that one trial may take on a slow machine.
LIMIT = 60

RULES = (
    "os.mkdir no* -> EACCES",
    "os.mkdir late* -> delay 5ms or never",
    "os.mkdir after* -> EIO after or never",
    "os.remove -> EBUSY when 30% or never",
    "os.open -> EACCES when 5% or never",
)


class Trial:
    """One trial with a luck of its own."""

    def __init__(self, seed: int, root: Path) -> None:
        self.luck = random.Random(seed)
        self.root = root
        self.names = 0
        self.started: list[subprocess.Popen[bytes]] = []

    def name(self) -> str:
        """Return the name of a directory that nobody has made so far."""
        self.names += 1
        return self.luck.choice(("no", "yes", "late", "after", "yes")) + str(self.names)

    def line(self, depth: int = 0) -> str:
        """Return a line of the shell."""
        luck = self.luck
        parts = []
        for _ in range(luck.randint(1, 4)):
            kind = luck.randrange(9 if depth < 2 else 5)
            name = self.name()
            if kind < 3:
                parts.append(f"mkdir {name}")
            elif kind == 3:
                parts.append(f"echo > f{name}; rm -f f{name}")
            elif kind == 4:
                parts.append("exec 3>&- 4>&- 5>&-")
            elif kind == 5:
                parts.append(f"({self.line(depth + 1)}) & ")
            elif kind == 6:
                parts.append(f"sh -c '{self.line(depth + 1)}'".replace("''", "'"))
            elif kind == 7:
                parts.append(f"setsid sh -c 'mkdir {name}' < /dev/null > /dev/null 2>&1 &")
            else:
                parts.append(f"trap : USR1; (sleep 0.00{luck.randint(1, 9)}; kill -USR1 $$) & mkdir {name}")
        return "\n".join(parts) if depth == 0 else "; ".join(part.rstrip("& ") for part in parts)

    def start(self) -> None:
        """Start one tree, in one of the ways."""
        luck, line = self.luck, self.line()
        options = luck.choice(
            ({}, {"close_fds": False}, {"start_new_session": True}, {"preexec_fn": os.setpgrp})
        )
        process = subprocess.Popen(
            ["sh", "-c", line], cwd=self.root, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, **options,
        )  # fmt: skip
        self.started.append(process)

    def disturb(self) -> None:
        """Do something in between."""
        kind = self.luck.randrange(6)
        process = self.luck.choice(self.started)
        if kind == 0:
            with contextlib.suppress(OSError):
                process.send_signal(self.luck.choice((signal.SIGUSR1, signal.SIGCONT, signal.SIGWINCH)))
        elif kind == 1:
            process.kill()
        elif kind == 2:
            child = os.fork()
            if child == 0:
                os._exit(0)
            os.waitpid(child, 0)
        elif kind == 3:
            os.system(f"cd {self.root}; mkdir {self.name()} 2> /dev/null")
        elif kind == 4:
            subprocess.run([sys.executable, "-S", "-c", "pass"], check=False)

    def run(self) -> list[str]:
        """Return what was wrong."""
        began = time.monotonic()
        self.root.mkdir()
        with inject(*RULES, roots=[self.root], strict=False, clock="real") as fsfault:
            for _ in range(self.luck.randint(1, 4)):
                self.start()
                if self.luck.random() < 0.5:
                    self.disturb()
            for process in self.started:
                process.wait(timeout=LIMIT)
            time.sleep(0.01)
            entries = [(os.path.basename(one.path), one.outcome) for one in fsfault.journal.of("os.mkdir")]
            troubles = list(fsfault._session.engine.escapes)
            # While the rules hold: what is still at work goes ahead without them afterwards.
            made = {name for name in os.listdir(self.root) if (self.root / name).is_dir()}
        known = {name for name, _ in entries}
        wrong = [f"twice: {name}" for name in known if [one for one, _ in entries].count(name) > 1]
        wrong += [f"made although refused: {name}" for name in made if name.startswith("no")]
        wrong += [f"lost: {name}" for name, outcome in entries if outcome == "ok" and name not in made]
        wrong += [f"trouble: {one}" for one in troubles]
        if time.monotonic() - began > LIMIT:
            wrong.append("too slow")
        return wrong


def state() -> tuple[int, int]:
    """Return how many descriptors are open, and how many threads there are."""
    return len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task"))


def processes_in(root: Path) -> list[str]:
    """Return the processes that stand in a directory."""
    found = []
    for number in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            if os.readlink(f"/proc/{number}/cwd") == str(root):
                found.append(number)
    return found


def main(count: int, first: int = 0) -> list[str]:
    """Run so many trials; return what was wrong, with the seed of the trial."""
    found = []
    directory = Path(tempfile.mkdtemp())
    before = None
    for seed in range(first, first + count):
        root = directory / f"trial{seed}"
        found += [f"seed {seed}: {one}" for one in Trial(seed, root).run()]
        until = time.monotonic() + LIMIT
        before = before or state()
        while state() != before and time.monotonic() < until:
            time.sleep(0.01)
        if state() != before:
            found.append(f"seed {seed}: left {before} -> {state()}")
            before = state()
        while (left := processes_in(root)) and time.monotonic() < until:
            time.sleep(0.01)
        found += [f"seed {seed}: it hangs: {one}" for one in left]
        while root.exists():  # a daemon may still be at work in it
            shutil.rmtree(root, ignore_errors=True)
    shutil.rmtree(directory, ignore_errors=True)
    with contextlib.suppress(ChildProcessError):
        while True:
            process, _ = os.waitpid(-1, os.WNOHANG)
            found.append("a child is left" if process == 0 else f"a child was not waited for: {process}")
            if process == 0:
                break
    return found


if __name__ == "__main__":
    wrong = main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0)
    sys.stdout.write("\n".join(wrong or ["nothing was wrong"]) + "\n")
    sys.exit(bool(wrong))
