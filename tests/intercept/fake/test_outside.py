"""``outside="refuse"`` on a fake file system: what a test changes beside its roots is refused there as well."""

from __future__ import annotations

import os
import re
import shutil

import pytest
from skips import left_to_windows

from pytest_fsfault import Unmet, inject

pytest.importorskip("pyfakefs")

fake_windows = left_to_windows("pyfakefs is a Windows there, and refuses to remove a file that is open")

#: Changes beside the root, by functions, by descriptors and by file objects.
CHANGES = {
    "os.remove": lambda fd: os.remove("/other/f"),
    "os.mkdir": lambda fd: os.mkdir("/other/d"),
    "open to write": lambda fd: open("/other/f", "w"),
    "os.open": lambda fd: os.open("/other/new", os.O_WRONLY | os.O_CREAT),
    "os.replace out": lambda fd: os.replace("/tree/f", "/other/g"),
    "os.rename in": lambda fd: os.rename("/other/f", "/tree/g"),
    "through a link": lambda fd: os.remove("/tree/link/f"),
    "open through a link": lambda fd: open("/tree/to file", "w"),
    "os.chmod through a link": lambda fd: os.chmod("/tree/to file", 0o600),
    "os.write": lambda fd: os.write(fd, b"new"),
    "os.truncate": lambda fd: os.truncate(fd, 1),
    "a file of a descriptor": lambda fd: written(fd, "w"),
    "a file that it is added to": lambda fd: written(fd, "r+"),
    "a composite": lambda fd: shutil.copyfile("/tree/f", "/other/g"),
}


def written(descriptor, mode):
    """Write by a file object over a descriptor."""
    file = os.fdopen(descriptor, mode)
    file.write("new")
    file.flush()


@pytest.fixture
def descriptor(fs):
    """Return a descriptor of the file outside; the root has a file and a link to the directory outside."""
    for path in ("/tree/f", "/other/f"):
        fs.create_file(path, contents="text")
    fs.create_symlink("/tree/link", "/other")
    fs.create_symlink("/tree/to file", "/other/f")
    return os.open("/other/f", os.O_RDWR)


def state():
    """Return what is in the directory outside."""
    return {name: open(f"/other/{name}").read() for name in os.listdir("/other")}


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_outside_the_roots_is_refused(what, descriptor):
    """It raises EACCES, is in the journal, changes nothing, and fails the test with path and line."""
    with (
        pytest.raises(Unmet, match=rf"outside the roots, and was not changed, at {re.escape(__file__)}:\d+"),
        inject(roots=["/tree"], outside="refuse") as fsfault,
    ):
        with pytest.raises(PermissionError) as refused:
            CHANGES[what](descriptor)
        assert {("raised", "EACCES")} == {(entry.outcome, entry.fault) for entry in fsfault.journal.faults}
    assert refused.value.errno == 13
    assert {"f": "text"} == state()


@fake_windows
def test_what_is_allowed(descriptor, fs):
    """Reading, temporary files, the root itself, and a file that has no name any more."""
    os.remove("/other/f")
    fs.create_file("/other/g", contents="text")
    with inject(roots=["/tree"], outside="refuse"):
        assert "text" == open("/other/g").read()
        os.write(descriptor, b"x")
        os.replace("/tree/f", "/tree/g")
        os.remove("/tree/to file")
        with open("/tree/new", "w") as file:
            file.write("x")
        with open("/tmp/passing", "w") as file:
            file.write("x")


@fake_windows
def test_it_is_allowed_unless_asked_for(descriptor):
    """The default is to let everything outside the roots pass."""
    with inject("os.mkdir -> EIO or never", roots=["/tree"]):
        os.remove("/other/f")
    assert [] == os.listdir("/other")


@fake_windows
def test_without_roots_all_of_a_fake_is_the_root(descriptor):
    """Nothing is outside."""
    with inject(outside="refuse"):
        os.remove("/other/f")
    assert [] == os.listdir("/other")
