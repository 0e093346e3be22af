"""What this process really has open is read from the operating system."""

# ruff: noqa: F401, F811  # fixtures are imported

from __future__ import annotations

import contextlib
import ctypes
import os
import socket
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from skips import posix_fact

from pytest_fsfault import inject
from pytest_fsfault._windows.open_files.this_process import OpenFiles
from pytest_fsfault._windows.sharing import ALL, READ, WRITE, Opening

from .seeing import CRT, file, identity, linux, natives, open_files

pytestmark = [
    pytest.mark.skipif(os.name == "nt", reason="left to Windows: it knows by itself"),
    pytest.mark.usefixtures("childless"),
]


# Descriptors of this process


@pytest.mark.parametrize(
    ("flags", "access"), [(os.O_RDONLY, READ), (os.O_WRONLY, WRITE), (os.O_RDWR, READ | WRITE)]
)
def test_an_open_file_denies_deletion(open_files, file, flags, access):
    """As the C runtime opens it: whoever else wants to read or write may, who wants to delete may not."""
    descriptor = os.open(file, flags)
    try:
        who = f"open in this process (descriptor {descriptor})"
        assert [Opening(access, CRT, "handle", who)] == open_files.of(identity(file))
    finally:
        os.close(descriptor)
    assert [] == open_files.of(identity(file))


def test_each_descriptor_counts(open_files, file):
    """A duplicate keeps the file open when the first is closed."""
    with open(file, "rb") as first:
        second = os.dup(first.fileno())
        assert 2 == len(open_files.of(identity(file)))
    (left,) = open_files.of(identity(file))
    os.close(second)
    assert f"open in this process (descriptor {second})" == left.who


def test_who_has_it_open_does_not_depend_on_the_name(open_files, file, tmp_path):
    """Sharing is per file: it follows renames and hard links."""
    with open(file, "rb"):
        os.link(file, tmp_path / "second")
        os.rename(file, tmp_path / "moved")
        assert 1 == len(open_files.of(identity(tmp_path / "second")))
        assert [str(tmp_path / "moved")] == [one.path for one in open_files.below(str(tmp_path))]


@pytest.mark.parametrize("suspend", [False, True])
def test_an_open_directory_is_a_listing(open_files, tmp_path, suspend):
    """It shares everything, be it open by descriptor or by a suspended iterator."""
    (tmp_path / "a").touch()
    with contextlib.ExitStack() as stack:
        if suspend:
            next(stack.enter_context(os.scandir(tmp_path)))
        else:
            stack.callback(os.close, os.open(tmp_path, os.O_RDONLY))
        (opening,) = open_files.of(identity(tmp_path))
    assert (READ, ALL, "directory") == opening[:3]


def test_a_deleted_file_is_nobodys(open_files, file, tmp_path):
    """What is open without a name stands in no one's way."""
    with open(file, "rb") as opened:
        seen = identity(opened.fileno())
        os.unlink(file)
        assert [] == open_files.of(seen)
        assert [] == open_files.below(str(tmp_path))


def test_only_files_and_directories_count(open_files, tmp_path):
    """Pipes, sockets and devices are none of Windows' files."""
    os.mkfifo(tmp_path / "fifo")
    fifo = os.open(tmp_path / "fifo", os.O_RDWR)
    with socket.socket(socket.AF_UNIX) as unix, open(os.devnull, "rb") as null:
        unix.bind(os.path.relpath(tmp_path / "socket"))
        places = (tmp_path / "fifo", unix.fileno(), null.fileno())
        assert [[], [], []] == [open_files.of(identity(place)) for place in places]
        assert [] == open_files.below(str(tmp_path))
    os.close(fifo)


@linux
@pytest.mark.parametrize(("version", "again"), [("11", None), ("server-2019", 5)])
def test_a_directory_that_is_watched_is_open(tmp_path, version, again):
    """A watch by inotify is what a change notification is on Windows: a handle, which shares everything."""
    libc = ctypes.CDLL(None)
    seen = tmp_path / "seen"
    seen.mkdir()
    watch = libc.inotify_init1(0)
    assert 1 == libc.inotify_add_watch(watch, os.fsencode(seen), 0xFFF)
    with inject(windows=version, roots=[tmp_path], strict=False):
        os.rmdir(seen)
        try:
            os.mkdir(seen)
            code = None
        except PermissionError as error:
            code = error.winerror
        os.close(watch)
    assert again == code


def test_another_file_in_the_place_of_one_is_seen(open_files, file, tmp_path):
    """As many descriptors with the same numbers need not be the same files."""
    other = tmp_path / "other"
    with open(file, "rb") as first, open(other, "wb") as second:
        assert [1, 1] == [len(open_files.of(identity(path))) for path in (file, other)]
        os.dup2(second.fileno(), first.fileno())
        assert [0, 2] == [len(open_files.of(identity(path))) for path in (file, other)]


def test_a_closed_and_another_opened_are_both_noticed(open_files, file, tmp_path):
    """As many descriptors as before need not have the same numbers."""
    first = os.open(os.devnull, os.O_RDONLY)
    second = os.open(file, os.O_RDONLY)
    assert 1 == len(open_files.of(identity(file)))
    third = os.dup(second)
    os.close(first)
    expected = [f"open in this process (descriptor {number})" for number in (second, third)]
    assert expected == [one.who for one in open_files.of(identity(file))]
    first = os.dup2(third, first)
    os.close(third)
    expected = [f"open in this process (descriptor {number})" for number in (first, second)]
    assert expected == [one.who for one in open_files.below(str(tmp_path))]
    os.close(first)
    os.close(second)


STEPS = st.tuples(st.sampled_from(["open", "close", "put"]), st.integers(0, 3), st.integers(0, 3))


@pytest.mark.parametrize("counted", [True, False])
@given(steps=st.lists(STEPS, max_size=12))
def test_law_what_is_seen_is_what_is_open(tmp_path_factory, counted, steps):
    """Whatever was opened, closed or put in another's place: each look sees just those that are open now."""

    def stat(place):
        # Before 6.2, Linux did not count the descriptors.
        return os.lstat(os.devnull) if not counted and place == "/proc/self/fd" else os.stat(place)

    top = tmp_path_factory.mktemp("law")
    paths = [str(top / name) for name in "abcd"]
    for path in paths:
        open(path, "wb").close()
    open_files = OpenFiles(natives(stat=stat))
    held = {}
    try:
        for verb, which, other in steps:
            numbers = sorted(held)
            if verb == "open":
                held[os.open(paths[which], os.O_RDONLY)] = which
            elif numbers and verb == "close":
                os.close(numbers[which % len(numbers)])
                del held[numbers[which % len(numbers)]]
            elif numbers:
                source, target = numbers[which % len(numbers)], numbers[other % len(numbers)]
                os.dup2(source, target)
                held[target] = held[source]
            expected = [sum(which == index for which in held.values()) for index in range(4)]
            assert expected == [len(open_files.of(identity(path))) for path in paths]
            inodes = [identity(path)[1] for path in paths]
            assert [not count for count in expected] == [open_files.closed(inode) for inode in inodes]
            assert (not held) == open_files.closed(*inodes)
            below = sorted(paths[which] for which in held.values())
            assert below == sorted(one.path for one in open_files.below(str(top)))
    finally:
        for number in held:
            os.close(number)


def test_below_is_strictly_below(open_files, tmp_path):
    """Neither the directory itself nor one whose name begins alike."""
    for name in ("lib", "lib64"):
        (tmp_path / name).mkdir()
    (tmp_path / "lib64" / "x.dll").touch()
    descriptor = os.open(tmp_path / "lib", os.O_RDONLY)
    with open(tmp_path / "lib64" / "x.dll", "ab"):
        assert [] == open_files.below(str(tmp_path / "lib"))
        (opening,) = open_files.below(str(tmp_path / "lib64"))
        assert (WRITE, CRT, "handle", str(tmp_path / "lib64" / "x.dll")) == (*opening[:3], opening.path)
        assert {"directory", "handle"} == {one.kind for one in open_files.below(str(tmp_path))}
        assert {"directory", "handle"} <= {one.kind for one in open_files.below("/")}
    os.close(descriptor)


@linux
def test_a_name_that_looks_deleted_is_taken_for_a_name(open_files, tmp_path):
    """A file may be called so; one that lives on under another name is not where it was opened."""
    path = tmp_path / "draft (deleted)"
    path.touch()
    with open(path, "rb"):
        assert [str(path)] == [one.path for one in open_files.below(str(tmp_path))]
        os.link(path, tmp_path / "other")
        os.unlink(path)
        assert [] == open_files.below(str(tmp_path))
        assert 1 == len(open_files.of(identity(tmp_path / "other")))


# The current directory


def test_the_current_directory_denies_deletion(open_files, tmp_path, monkeypatch):
    """It is entered, and lets nobody delete it."""
    (tmp_path / "in").mkdir()
    monkeypatch.chdir(tmp_path / "in")
    who = "the current directory of this process"
    assert [Opening(READ, CRT, "cwd", who)] == open_files.of(identity(tmp_path / "in"))
    assert [] == open_files.of(identity(tmp_path / "in"), directory=False)
    assert [Opening(READ, CRT, "cwd", who, str(tmp_path / "in"))] == open_files.below(str(tmp_path))
    assert [] == open_files.below(str(tmp_path / "in"))


def test_a_deleted_current_directory_is_nobodys(open_files, tmp_path, monkeypatch):
    """It has no name any more."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    os.chdir(tmp_path / "in")
    gone = identity(".")
    os.rmdir(tmp_path / "in")
    assert [] == open_files.of(gone)
    assert [] == open_files.below(str(tmp_path))


# Threads


def test_looks_from_many_threads_agree(open_files, file):
    """Each thread's own listing is a descriptor that comes and goes."""
    wrong = []

    def look(path):
        for _ in range(200):
            with open(path, "rb"):
                open_files.note_mapping()
                if 1 != len(open_files.of(identity(path))):
                    wrong.append(path)

    paths = [f"{file}{index}" for index in range(4)]
    for path in paths:
        open(path, "wb").close()
    threads = [threading.Thread(target=look, args=[path]) for path in paths]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [] == wrong


def test_a_file_that_an_extension_module_has_made_is_in_the_way(tmp_path):
    """Such a file is announced by nothing, and stands in no listing: a rename onto it is refused all the same."""
    sqlite3 = pytest.importorskip("sqlite3")
    for name in ("first", "second"):
        (tmp_path / name).touch()
    made = tmp_path / "made"
    with inject(windows="11", roots=[tmp_path]):
        os.rename(tmp_path / "first", tmp_path / "moved")  # which reads the directory
        sqlite3.connect(made).execute("create table t(x)").connection.close()
        size = made.stat().st_size
        with pytest.raises(FileExistsError, match="WinError 183"):
            os.rename(os.fspath(tmp_path / "second"), os.fspath(made))
        with pytest.raises(FileExistsError, match="WinError 183"):
            os.rename(tmp_path / "second", made)
    assert 0 < size == made.stat().st_size


@posix_fact("C code makes links by `symlink` of the C library")
def test_a_link_that_leads_nowhere_and_that_c_has_made_is_in_the_way(tmp_path):
    """It is announced by nothing either, and nothing stands behind it."""
    libc = ctypes.CDLL(None)  # what is loaded later would make the model look at everything
    for name in ("first", "second"):
        (tmp_path / name).touch()
    made = tmp_path / "made"
    with inject(windows="11", roots=[tmp_path]):
        os.rename(tmp_path / "first", tmp_path / "moved")  # which reads the directory
        assert 0 == libc.symlink(b"nowhere", os.fsencode(made))
        for source, target in (
            (tmp_path / "second", made),
            (os.fspath(tmp_path / "second"), os.fspath(made)),
        ):
            with pytest.raises(FileExistsError, match="WinError 183"):
                os.rename(source, target)
    assert made.is_symlink()
