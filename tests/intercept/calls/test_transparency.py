"""With every operation recorded and none refused, everything is as without faults: what CPython's own tests have found."""

from __future__ import annotations

import copy
import os
import pickle
import subprocess
import sys

import pytest
from skips import posix_fact

from pytest_fsfault import inject


@pytest.fixture
def observed(tmp_path):
    """Record every operation below `tmp_path` while a test works there."""
    with inject(profile="observe", roots=[tmp_path]) as fsfault:
        yield fsfault


def outcome(function, *args):
    """Return what a call returns, or the type and text of what it raises."""
    try:
        return function(*args)
    except Exception as error:  # noqa: BLE001
        return type(error), str(error)


def exits(number):
    """Leave a forked process at once, if this is one; else return how its end was."""
    if number == 0:
        os._exit(7)
    return os.waitstatus_to_exitcode(os.waitpid(number, 0)[1])


FORKS = {"os.fork": lambda: os.fork(), "os.forkpty": lambda: os.forkpty()[0]}  # noqa: PLW0108


@posix_fact("a fork")
@pytest.mark.parametrize("how", FORKS)
def test_a_process_can_fork(how, observed):
    """The audit event of a fork has no arguments."""
    assert 7 == exits(FORKS[how]())


def test_a_program_can_be_spawned(observed):
    """`os.spawnv` forks as well, where there are forks."""
    assert 0 == os.spawnv(os.P_WAIT, sys.executable, [sys.executable, "-S", "-c", "pass"])


class Index:
    """A number that is none of int's."""

    def __index__(self):
        return 2


READS = {
    "into an empty buffer": ("rb", lambda f: f.readinto(bytearray())),
    "into items of four bytes": ("rb", lambda f: f.readinto(memoryview(bytearray(8)).cast("I"))),
    "into what cannot be written": ("rb", lambda f: f.readinto(b"12")),
    "into what is no buffer": ("rb", lambda f: f.readinto("12")),
    "all of what is only written": ("wb", lambda f: f.read()),
    "nothing less than all of what is only written": ("wb", lambda f: f.read(None)),
    "a part of what is only written": ("wb", lambda f: f.read(3)),
    "the rest of what is only written": ("wb", lambda f: f.readall()),
    "a size that is an index": ("rb", lambda f: f.read(Index())),
    "a size that is none": ("rb", lambda f: f.read("2")),
    "a closed file": ("rb", lambda f: (f.close(), f.read())),
    "no bytes written": ("wb", lambda f: f.write(b"")),
    "text written": ("wb", lambda f: f.write("12")),
    "items of four bytes written": ("wb", lambda f: f.write(memoryview(bytes(8)).cast("I"))),
    "every other byte written": ("wb", lambda f: f.write(memoryview(bytes(8))[::2])),
}


@pytest.mark.parametrize("what", READS)
def test_a_raw_file_takes_and_refuses_what_it_always_does(what, tmp_path):
    """The buffers and sizes that callers pass reach the real method as they are."""
    mode, call = READS[what]
    path = tmp_path / "f"
    path.write_bytes(b"12345678")
    with open(path, mode, buffering=0) as file:
        without = outcome(call, file)
    path.write_bytes(b"12345678")
    with inject(profile="observe", roots=[tmp_path]), open(path, mode, buffering=0) as file:
        assert without == outcome(call, file)


COPIES = {
    **{f"pickle {number}": lambda f, number=number: pickle.dumps(f, number) for number in range(6)},
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "reduce": lambda f: f.__reduce__(),
}


FILES = [("rb", 0), ("rb", -1), ("wb", 0), ("wb", -1), ("r+b", 0), ("r+b", -1), ("r", -1), ("w", 1)]


@pytest.mark.parametrize(("mode", "buffering"), FILES)
def test_an_open_file_can_be_neither_pickled_nor_copied(mode, buffering, tmp_path):
    """It is refused in the same words, and the file goes on working."""
    path = tmp_path / "f"
    path.write_bytes(b"12345678")
    with open(path, mode, buffering) as file:
        without = {how: outcome(call, file) for how, call in COPIES.items()}
    with inject(profile="observe", roots=[tmp_path]), open(path, mode, buffering) as file:
        assert without == {how: outcome(call, file) for how, call in COPIES.items()}
        assert not file.closed
    assert {TypeError} == {kind for kind, _ in without.values()}


OPENS = """
import io, os, pathlib, sys
from io import open as early

inside, outside = sys.argv[1:]
for path in (inside, outside):
    with open(path): pass
    with io.open(path, "w"): pass
    with early(path): pass
    with open(path, encoding="utf-8"), open(path, "rb"): pass
    pathlib.Path(path).read_text()
    with os.fdopen(os.open(path, os.O_RDONLY)): pass
"""
UNDER_FAULTS = """
import sys
import subprocess
from pytest_fsfault import inject

where, code = sys.argv[1:3]
command = [sys.executable, *sys.orig_argv[1:-6], "-c", code, *sys.argv[3:]]
with inject("os.mkdir -> EIO or never", roots=[where]):
    if where.endswith("child"):
        subprocess.run(command, check=True)
    else:
        sys.argv[1:] = sys.argv[3:]
        exec(code)
"""


@pytest.mark.parametrize("options", [(), ("-X", "utf8")], ids=["", "utf8"])
@pytest.mark.parametrize("place", ["here", "in a child"])
def test_a_missing_encoding_is_told_of_the_line_that_opens(place, options, tmp_path):
    """Below the roots and outside; so that who filters such warnings by module finds the same ones."""
    root = tmp_path / place
    root.mkdir()
    for path in (root / "a", tmp_path / "b"):
        path.touch()
    python = [sys.executable, "-X", "warn_default_encoding", "-W", "always::EncodingWarning", *options]
    arguments = [OPENS, str(root / "a"), str(tmp_path / "b")]

    def warnings(*command):
        done = subprocess.run([*python, "-c", *command], capture_output=True, text=True, check=False)
        assert 0 == done.returncode, done.stderr
        return [line for line in done.stderr.splitlines() if "EncodingWarning" in line]

    expected = warnings(*arguments)
    assert 10 == len(expected)
    assert expected == warnings(UNDER_FAULTS, str(root), *arguments)
