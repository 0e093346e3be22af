"""`shutil.rmtree` looks at what is open once for the files of a directory, unless other code has run in between."""

from __future__ import annotations

import ctypes
import os
import shutil
import sys
from collections import Counter

import pytest
from skips import posix_fact

from pytest_fsfault import inject
from pytest_fsfault._windows.open_files import this_process
from pytest_fsfault._windows.open_files.this_process import OpenFiles

pytestmark = [
    posix_fact("C code opens files by `open` of the C library"),
    pytest.mark.usefixtures("childless"),
]

CALLBACK = "onexc" if sys.version_info >= (3, 12) else "onerror"


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    """Take the threads that other plugins have started for idle, as they are: under them each file is looked at."""
    monkeypatch.setattr(this_process, "_alone", lambda: True)


@pytest.fixture
def tree(tmp_path):
    """Return a directory with the files first, a, b, c and e, and a directory d with a file."""
    top = tmp_path / "tree"
    (top / "d").mkdir(parents=True)
    for name in ("first", "a", "b", "c", "d/x", "e"):
        (top / name).touch()
    return top


@pytest.fixture
def open_unseen(tmp_path):
    """Return what opens a file by C in the place of another: there is no event, and not one descriptor more."""
    libc, spare = ctypes.CDLL(None), os.open(os.devnull, os.O_RDONLY)

    def exchange(path):
        opened = libc.open(os.fsencode(path), os.O_RDONLY)
        assert spare == libc.dup2(opened, spare)
        libc.close(opened)

    yield exchange
    os.close(spare)


@pytest.mark.parametrize(
    ("rules", "opened", "refused"),
    [
        (["delete b -> ERROR_ACCESS_DENIED"], "c", {"b": 5, "c": 32, ".": 145}),
        (["os.rmdir d -> ERROR_ACCESS_DENIED"], "e", {"d": 5, "e": 32, ".": 145}),
        (["delete x -> ERROR_ACCESS_DENIED"], "e", {"d/x": 5, "d": 145, "e": 32, ".": 145}),
        (["os.scandir d -> ERROR_ACCESS_DENIED"], "e", {"d": 145, "e": 32, ".": 145}),
        ([], "c", {"b": 5, "c": 32, ".": 145}),
    ],
)
def test_what_a_callback_opens_is_seen(tree, open_unseen, rules, opened, refused):
    """After a failure `rmtree` goes on in the same loop, and the callback may have opened any of its files."""
    told = {}

    def callback(_function, path, error):
        if not told:
            open_unseen(tree / opened)
        told[os.path.relpath(path, tree)] = (error if CALLBACK == "onexc" else error[1]).winerror

    if not rules:
        (tree / "b").chmod(0o444)
    with inject(*rules, windows="11", roots=[tree]):
        (tree / "first").unlink()  # what is mapped is looked at once
        shutil.rmtree(tree, **{CALLBACK: callback})
    assert refused == told
    assert (tree / opened).exists()


def test_what_was_opened_since_an_earlier_removal_is_seen(tree, open_unseen):
    """A removal that was given up tells nothing about the next one of the same directory."""
    with inject("delete b -> ERROR_ACCESS_DENIED when once", windows="11", roots=[tree]):
        (tree / "first").unlink()
        with pytest.raises(PermissionError, match="WinError 5"):
            shutil.rmtree(tree)
        open_unseen(tree / "c")
        with pytest.raises(PermissionError, match="WinError 32"):
            shutil.rmtree(tree)
    assert (tree / "c").exists()


def test_in_a_loop_of_the_project_each_file_is_looked_at(tree, open_unseen):
    """Between two deletions the code under test may do anything."""
    with inject(windows="11", roots=[tree], strict=False):
        os.unlink(f"{tree}/a")
        os.unlink(f"{tree}/b")
        open_unseen(tree / "c")
        with pytest.raises(PermissionError, match="WinError 32"):
            os.unlink(f"{tree}/c")


def test_a_file_that_is_open_from_the_start_stays(tree):
    """All else goes: nothing is refused but for the open file and the directory that it is in."""
    told = []
    with open(tree / "c", "rb"), inject(windows="11", roots=[tree]):
        shutil.rmtree(tree, **{CALLBACK: lambda _function, path, _error: told.append(path)})
    assert [f"{tree}/c", str(tree)] == [os.fspath(path) for path in told]
    assert ["c"] == os.listdir(tree)


def test_one_look_serves_the_files_of_a_directory(tmp_path, monkeypatch):
    """The descriptors of a process are read for each directory, not for each file."""
    looks = Counter()

    def counting(name, real):
        def look(*args, **keywords):
            looks[name] += 1
            return real(*args, **keywords)

        monkeypatch.setattr(OpenFiles, name, look)

    for name in ("inodes", "closed"):
        counting(name, getattr(OpenFiles, name))
    for folder in ("one", "two"):
        (tmp_path / "tree" / folder).mkdir(parents=True)
        for number in range(20):
            (tmp_path / "tree" / folder / str(number)).touch()
    (tmp_path / "first").touch()
    with inject(windows="11", roots=[tmp_path]):
        os.unlink(tmp_path / "first")  # what is mapped is read once for a process
        looks.clear()
        shutil.rmtree(tmp_path / "tree")
    assert {"inodes": 2, "closed": 3} == looks  # and for each directory one before it goes
    assert not (tmp_path / "tree").exists()
