"""A Python program that gets signals while the kernel asks about its calls: it meets none of what that would change."""

import os
import subprocess
import sys

import pytest

from pytest_fsfault import inject

CODE = """
import os, signal, sys
met = []
signal.signal(signal.SIGALRM, lambda *_: met.append(1))
signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
broken = made = 0
while made < int(sys.argv[2]) or len(met) < 20:
    path = os.path.join(sys.argv[1], str(made))
    try:
        os.mkdir(path)
        os.rename(path, path + ".new")
    except InterruptedError:
        broken += 1
    made += 1
signal.setitimer(signal.ITIMER_REAL, 0, 0)
print(broken, made)
"""
RULE = "os.mkdir bad -> EACCES or never"


@pytest.mark.parametrize("place", ["root", "elsewhere"])
def test_a_signal_breaks_off_no_call(tmp_path, root, place):
    """Attached, and before: a handler that returns is no error, and each call is decided and made once."""
    (tmp_path / "elsewhere").mkdir()
    with inject(RULE, "os.mkdir -> delay 0ms or never", roots=[root]) as fsfault:
        done = subprocess.run(
            [sys.executable, "-c", CODE, str(tmp_path / place), "100"],
            capture_output=True,
            text=True,
            check=False,
        )
    broken, made = done.stdout.split()
    assert ("", "0") == (done.stderr, broken)
    assert int(made) == len(os.listdir(tmp_path / place))
    assert (int(made) if place == "root" else 0) == len(fsfault.journal.of("os.mkdir"))


def test_what_a_handler_raises_goes_up(root):
    """An InterruptedError that is the program's own, too."""
    code = """
import os, signal, sys
def handler(*_):
    raise InterruptedError("mine")
signal.signal(signal.SIGALRM, handler)
os.mkdir(f"{sys.argv[1]}/first")  # before the alarm: an import takes an OSError for one of its own
signal.setitimer(signal.ITIMER_REAL, 0.01)
try:
    for number in range(100_000):
        os.mkdir(f"{sys.argv[1]}/{number}")
        os.rmdir(f"{sys.argv[1]}/{number}")
except InterruptedError as error:
    print(error)
"""
    with inject(RULE, roots=[root]):
        done = subprocess.run(
            [sys.executable, "-c", code, str(root)], capture_output=True, text=True, check=False
        )
    assert ("mine\n", "") == (done.stdout, done.stderr)
