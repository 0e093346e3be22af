"""A fork beside our thread alone is a fork in a process without threads: Python does not warn of it."""

from __future__ import annotations

import json
import subprocess
import sys

from skips import linux_fact

pytestmark = linux_fact("the system lists the threads of a process")

SCRIPT = """
import json, multiprocessing, os, pty, sys, tempfile, threading, time, warnings
from pytest_fsfault import inject

def fork(by=os.fork):
    number = by()
    number = number if isinstance(number, int) else number[0]
    if number == 0:
        os._exit(0)
    os.waitpid(number, 0)

def process():
    worker = multiprocessing.get_context("fork").Process(target=len, args=("",))
    worker.start()
    worker.join()

WAYS = [fork, lambda: fork(os.forkpty), lambda: fork(pty.fork), process,
        lambda: os.spawnv(os.P_WAIT, sys.executable, [sys.executable, "-S", "-c", ""])]
done = threading.Event()
if sys.argv[1] == "threads":
    threading.Thread(target=done.wait).start()
with warnings.catch_warnings(record=True) as seen, inject("os.stat -> EIO or never", roots=[tempfile.mkdtemp()]):
    warnings.simplefilter("always")
    before = [*warnings.filters]
    counts = []
    for way in WAYS * 2:
        way()
        counts.append(len(seen))
    same = before == warnings.filters
done.set()
print(json.dumps([counts, {os.path.basename(one.filename) for one in seen} <= {"forks.py", "pty.py",
      "popen_fork.py", "<frozen os>", "os.py"}, same]))
"""


def run(tmp_path, threads):
    """Return what the script tells: warnings after each fork, whether none is of ours, whether the filters are as before."""
    (tmp_path / "forks.py").write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, tmp_path / "forks.py", threads],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return json.loads(done.stdout)


def test_our_own_thread_is_nothing_to_warn_of(tmp_path):
    """By whatever function, the second time as well; no filter is left."""
    assert [[0] * 10, True, True] == run(tmp_path, "none")


def test_a_thread_of_the_program_is(tmp_path):
    """Python warns of each fork then, at the line that it names without us."""
    counts, foreign, same = run(tmp_path, "threads")
    expected = [*range(1, 11)] if sys.version_info >= (3, 12) else [0] * 10
    assert [expected, True, True] == [counts, foreign, same]
