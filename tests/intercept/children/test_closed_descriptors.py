"""The code under test closes all descriptors of its own process, as who becomes a daemon does, those of ours too."""

import os
import subprocess
import sys

import pytest
from skips import posix_fact

SCRIPT = """
import os, subprocess, sys
from pytest_fsfault import inject

CODE = "import os, sys\\ntry: os.mkdir(sys.argv[1])\\nexcept PermissionError: print('refused')"

def child():
    command = [sys.executable, "-c", CODE, os.path.join(sys.argv[1], "bad")]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout

with inject():
    pass
native, taken = sys.argv[2] == "native", []
try:
    with inject("os.mkdir bad -> EACCES", roots=[sys.argv[1]], native=native, strict="all") as fsfault:
        print(child(), end="")
        if sys.argv[3] == "closed":
            os.closerange(3, 4096)
        taken = [os.open(os.devnull, os.O_RDONLY) for _ in range(3)]
        for number in range(3, 50) if sys.argv[3] == "taken" else ():
            os.dup2(taken[0], number)
        before = {number: os.fstat(number).st_rdev for number in range(3, 6)}
        if sys.argv[4] == "asked":
            print(child(), end="")
except AssertionError as error:
    print(error)
print({number: os.fstat(number).st_rdev for number in range(3, 6)} == before, "FSFAULT_CHILD" in os.environ)
with inject("os.mkdir bad -> EACCES", roots=[sys.argv[1]], native=native):
    print(child(), end="")
"""
TOLD = (
    "the code under test has closed descriptors by which child processes ask: "
    "those that ran then went on without faults"
)


@posix_fact("descriptors")
@pytest.mark.parametrize(
    ("reach", "become", "then"),
    [
        ("native", "closed", "asked"),
        ("native", "taken", "ended"),
        ("python", "closed", "ended"),
        ("python", "taken", "asked"),
    ],
)
def test_descriptors_that_the_code_under_test_has_closed(tmp_path, reach, become, then):
    """No wait for what is gone, nothing of the program is closed, one sentence tells, and the next child is reached."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path), reach, become, then],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    again = ["refused"] if then == "asked" else []
    assert ["refused", *again, TOLD, "True False", "refused"] == done.stdout.splitlines()
    assert ("", 0) == (done.stderr, done.returncode)


@posix_fact("a variable that can be taken out")
def test_a_variable_that_the_code_under_test_has_taken_out(tmp_path):
    """The sentence says where it belongs."""
    from pytest_fsfault import inject

    told = "^no fault reached `.*: FSFAULT_CHILD was taken out of os.environ; let it be there when a process starts$"
    with pytest.raises(AssertionError, match=told):
        with inject(roots=[tmp_path], native=False, strict="all"):
            # Not by monkeypatch, which would put it back once the session is over.
            del os.environ["FSFAULT_CHILD"]
            subprocess.run([sys.executable, "-c", "pass"], check=True)
    assert "FSFAULT_CHILD" not in os.environ
