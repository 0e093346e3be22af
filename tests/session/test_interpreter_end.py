"""A session that is open when the interpreter ends: it is ended before, without a word, and leaves nothing behind."""

import os
import subprocess
import sys

import pytest

ENDS = {
    "an end that never came": "block = started()\nblock.__enter__()\nchild()",
    "a generator that waits": """
def waiting():
    with started() as fsfault:
        yield fsfault
generator = waiting()
next(generator)
child()
""",
    "one within the other": """
def waiting():
    with started(), inject(windows="11") as fsfault:
        yield fsfault
generator = waiting()
next(generator)
child()
""",
}
PREAMBLE = """
import os, subprocess, sys, tempfile
from pytest_fsfault import inject
tempfile.tempdir = sys.argv[1]
root = os.path.join(sys.argv[1], "root")
def started():
    return inject("os.mkdir bad -> EACCES", roots=[root])
def child():
    code = "import os, sys\\ntry: os.mkdir(sys.argv[1])\\nexcept PermissionError: print('refused', flush=True)"
    subprocess.run([sys.executable, "-c", code, os.path.join(root, "bad")], check=True)
"""


@pytest.mark.parametrize("case", ENDS)
def test_a_session_that_is_open_at_the_end(tmp_path, case):
    """No finaliser of ours fails there, and the private directory is gone."""
    (tmp_path / "root").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", PREAMBLE + ENDS[case], str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ("refused\n", "", 0) == (done.stdout, done.stderr, done.returncode)
    assert ["root"] == os.listdir(tmp_path)
