"""``outside="refuse"``: a file outside the roots that was open before is not changed through its descriptor either."""

from __future__ import annotations

import importlib
import io
import mmap
import multiprocessing
import os
import re
import subprocess
import sys
import tempfile
from contextlib import suppress
from multiprocessing import shared_memory
from pathlib import Path

import pytest
from skips import linux_fact, marked, posix_fact

from pytest_fsfault import Unmet, inject

posix = importlib.import_module(os.name)  # the module of C behind `os`

TEXT = "text that is long enough"


@pytest.fixture
def trees():
    """Return a root, and a directory beside it with two files that no temporary files belong to."""
    with tempfile.TemporaryDirectory(dir=Path.home(), prefix="outside-") as directory:
        root, other = Path(directory, "root"), Path(directory, "other")
        for path in (root, other):
            path.mkdir()
            for name in ("f", "g"):
                (path / name).write_text(TEXT)
        yield root, other


@pytest.fixture
def descriptor(trees):
    """Return a descriptor of the first file outside the roots, opened for reading and writing."""
    found = os.open(trees[1] / "f", os.O_RDWR)
    yield found
    os.close(found)


def copied(function, *arguments):
    """Let a system call copy from the second file outside the roots."""
    source = os.open(arguments[0] / "g", os.O_RDONLY)
    try:
        getattr(os, function)(*[source if one is None else one for one in arguments[1:]])
    finally:
        os.close(source)


def written(file, data):
    """Write to a file object, and let the data arrive."""
    try:
        file.write(data)
        file.flush()
    finally:
        with suppress(PermissionError):  # what is still in the buffer is refused once more
            file.close()


#: What changes a file that is open: each gets its descriptor and its directory.
CHANGES = {
    "os.write": lambda fd, other: os.write(fd, b"new"),
    "os.writev": lambda fd, other: os.writev(fd, [b"new"]),
    "os.pwrite": lambda fd, other: os.pwrite(fd, b"new", 0),
    "os.ftruncate": lambda fd, other: os.ftruncate(fd, 1),
    "os.truncate": lambda fd, other: os.truncate(fd, 1),
    "os.fchmod": lambda fd, other: os.fchmod(fd, 0o600),
    "os.chmod": lambda fd, other: os.chmod(fd, 0o600),
    "os.utime": lambda fd, other: os.utime(fd, (1, 1)),
    "os.sendfile": lambda fd, other: copied("sendfile", other, fd, None, 0, 4),
    "os.copy_file_range": lambda fd, other: copied("copy_file_range", other, None, fd, 4),
    "bound early": lambda fd, other, ftruncate=posix.ftruncate: ftruncate(fd, 1),
    "a buffered file": lambda fd, other: written(open(fd, "wb", closefd=False), b"new"),
    "a text file": lambda fd, other: written(os.fdopen(os.dup(fd), "r+"), "new"),
    "an unbuffered file": lambda fd, other: written(open(fd, "wb", 0, closefd=False), b"new"),
    "file.truncate": lambda fd, other: open(fd, "r+b", 0, closefd=False).truncate(1),
    "an opener": lambda fd, other: written(open("x", "w", opener=lambda *_: os.dup(fd)), "new"),
    "a mapping": lambda fd, other: mmap.mmap(fd, 4),
}


ELSEWHERE = {
    f"os.{name}": posix_fact(f"os.{name} with a descriptor")
    for name in ("writev", "pwrite", "fchmod", "chmod", "utime", "sendfile")
}
ELSEWHERE["os.copy_file_range"] = linux_fact("os.copy_file_range", hasattr(os, "copy_file_range"))


@pytest.mark.parametrize("what", marked(CHANGES, ELSEWHERE))
def test_a_change_through_an_open_file_is_refused(what, trees, descriptor):
    """It raises EACCES, is in the journal, changes nothing, and fails the test with the path and the line."""
    root, other = trees
    before = os.stat(other / "f")
    with (
        pytest.raises(
            Unmet,
            match=rf"{other.as_posix()}/f is outside the roots, and was not changed, at {re.escape(__file__)}:\d+",
        ),
        inject(roots=[root], outside="refuse") as fsfault,
    ):
        with pytest.raises(PermissionError) as refused:
            CHANGES[what](descriptor, other)
        entries = {(entry.outcome, entry.fault, entry.path) for entry in fsfault.journal.faults}
    assert {("raised", "EACCES", f"{other.as_posix()}/f")} == entries or what in {
        "os.sendfile",
        "os.copy_file_range",
    }
    assert refused.value.errno == 13
    after = os.stat(other / "f")
    assert (before.st_mode, before.st_mtime_ns) == (after.st_mode, after.st_mtime_ns)
    assert TEXT == (other / "f").read_text()


def test_a_file_of_an_earlier_session_is_refused(trees):
    """What `open` returned below the roots of a session that is over may lie outside those of the next."""
    root, other = trees
    with inject("file.write -> EIO or never", roots=[other]):
        file = open(other / "f", "r+")
    with inject(roots=[root], outside="refuse", strict=False), pytest.raises(PermissionError):
        written(file, "new")
    assert TEXT == (other / "f").read_text()


def set_mode(descriptor):
    """Set the mode of an open file, where that can be done."""
    if hasattr(os, "fchmod"):
        os.fchmod(descriptor, 0o600)


def written_to_a_deleted_file(root, other):
    """Write to a file that has no name any more."""
    with tempfile.TemporaryFile(dir=root) as file:
        os.write(file.fileno(), b"x")
        os.ftruncate(file.fileno(), 0)
        set_mode(file.fileno())


def shared(root, other):
    """Make a block of shared memory, and write into it."""
    block = shared_memory.SharedMemory(create=True, size=16)
    block.buf[0] = 1
    block.close()
    block.unlink()


def an_array(root, other):
    """Share an array with processes: its memory is a file that was deleted at once."""
    multiprocessing.Array("i", 10)[0] = 1


def piped(root, other):
    """Write into a pipe, as a descriptor and as a file."""
    reader, writer = os.pipe()
    os.write(writer, b"x")
    with os.fdopen(writer, "w") as file, os.fdopen(reader, "rb"):
        written(file, "x")


def null(root, other):
    """Write to the device that swallows everything."""
    device = os.open(os.devnull, os.O_WRONLY)
    os.write(device, b"x")
    os.close(device)


def mapped(root, other):
    """Map a file outside the roots to read it, and memory that has no file."""
    with open(other / "f", "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as found:
        assert found[:4] == b"text"
    mmap.mmap(-1, 16).close()


def below(root, other):
    """Write below the root in each way."""
    with open(root / "f", "r+b") as file:
        os.write(file.fileno(), b"x")
        os.ftruncate(file.fileno(), 1)
        set_mode(file.fileno())
        mmap.mmap(file.fileno(), 1).close()
        written(open(os.dup(file.fileno()), "w"), "x")


def run_a_program(root, other):
    """Start a program that has its output in a pipe."""
    done = subprocess.run([sys.executable, "-c", "print(1)"], capture_output=True, check=True)
    assert done.stdout.split() == [b"1"]


def copied_in(root, other):
    """Read from outside, and write below the root."""
    with open(other / "f", "rb") as source, open(root / "new", "wb") as target:
        if hasattr(os, "copy_file_range"):
            os.copy_file_range(source.fileno(), target.fileno(), 4)


ALLOWED = [written_to_a_deleted_file, shared, an_array, piped, null, mapped, below, run_a_program, copied_in]


@pytest.mark.parametrize("act", ALLOWED, ids=lambda act: act.__name__)
def test_what_changes_no_tree_outside_is_allowed(act, trees):
    """Files without a name, pipes, devices, shared memory, reading, and whatever is below the roots."""
    root, other = trees
    with inject(roots=[root], outside="refuse") as fsfault:
        act(root, other)
    assert [] == fsfault.journal.faults


REDIRECTED = """
import os, sys
from pytest_fsfault import inject
with inject(roots=[sys.argv[1]], outside="refuse"):
    os.write(1, b"by the descriptor\\n")
    print("by the stream", flush=True)
    os.fdopen(os.dup(2), "w").write("by a copy\\n")
"""


def test_what_the_standard_streams_go_to_may_be_written(trees):
    """A run whose output goes to a file outside the roots may write it."""
    root, other = trees
    with open(other / "out", "wb") as out, open(other / "err", "wb") as err:
        subprocess.run([sys.executable, "-c", REDIRECTED, root], stdout=out, stderr=err, check=True)
    assert "by the descriptor\nby the stream\n" == (other / "out").read_text()
    assert "by a copy\n" == (other / "err").read_text()


def test_afterwards_everything_is_allowed(trees, descriptor):
    """The guard goes with its session, also for files that were opened under it."""
    root, other = trees
    with inject(roots=[root], outside="refuse", strict=False):
        file = open(descriptor, "r+", closefd=False)
    written(file, "new!")
    os.write(descriptor, b"more")
    assert TEXT.replace("text that", "new!more ", 1)[:8] == (other / "f").read_text()[:8]
    assert type(file) is io.TextIOWrapper


@linux_fact("the path of a descriptor leads to its file")
@pytest.mark.parametrize("place", ["/proc/self/fd", "/dev/fd", "/proc/thread-self/fd"])
def test_a_descriptor_by_its_path_leads_to_its_file(trees, descriptor, place):
    """Opened anew for writing it is refused where the file itself would be; a pipe and a file without a name are not."""
    root, other = trees
    read, write = os.pipe()
    with (
        tempfile.TemporaryFile(dir=other) as nameless,
        inject(roots=[root], outside="refuse", strict=False),
    ):
        with pytest.raises(PermissionError):
            open(f"{place}/{descriptor}", "w")
        for allowed in (write, nameless.fileno()):
            with open(f"{place}/{allowed}", "w") as file:
                file.write("x")
    os.close(read)
    os.close(write)
    assert TEXT == (other / "f").read_text()
