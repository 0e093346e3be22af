"""A tree tells what a directory holds, and how it differs from another, in lines that read well."""

from __future__ import annotations

import os
import shutil
import time
import tracemalloc

import pytest
from skips import WINDOWS, posix_fact

from pytest_fsfault import FsFaultError, Tree, inject
from pytest_fsfault._host.originals import NATIVE
from pytest_fsfault._prove.snapshots import Snapshots

# There a file is read-only or not, and has no other mode.
MODE = 0o666 if WINDOWS else 0o644
reads_once = posix_fact(
    "a time that tells of each change of a file, by which one is known that need not be read"
)


def take(root):
    """Return a snapshot."""
    return Snapshots(NATIVE).take(str(root))


@pytest.fixture
def root(tmp_path):
    """Return a directory with a package in it."""
    package = tmp_path / "site" / "pkg"
    package.mkdir(parents=True)
    (package / "core.py").write_text("abc")
    (package / "RECORD").write_bytes(b"core.py\n")
    (package / "core.py").chmod(0o644)
    return tmp_path / "site"


def test_what_a_tree_holds(root):
    """Kinds, sizes, digests, modes and groups of hard links, by the path below the root."""
    os.link(root / "pkg/core.py", root / "pkg/zz.py")
    tree = take(root)
    assert ["pkg", "pkg/RECORD", "pkg/core.py", "pkg/zz.py"] == sorted(tree)
    core = tree["pkg/core.py"]
    assert ("file", 3, MODE, "", "pkg/core.py") == (core.kind, core.size, core.mode, core.target, core.group)
    assert core == tree["pkg/zz.py"]
    assert "directory" == tree["pkg"].kind
    assert "" == tree["pkg/RECORD"].group
    assert 4 == len(tree)


@posix_fact("FIFOs, and symbolic links that anybody may make")
def test_what_is_neither_file_nor_directory(root):
    """Links with their targets; anything else by its kind."""
    os.symlink("core.py", root / "pkg/link")
    os.mkfifo(root / "pipe")
    tree = take(root)
    assert ("link", "core.py") == (tree["pkg/link"].kind, tree["pkg/link"].target)
    assert "other" == tree["pipe"].kind
    assert "pkg/link -> core.py" in str(tree).splitlines()


def change_nothing(root):
    """Leave everything as it is."""


def rewrite(root):
    """Write other content of the same size."""
    (root / "pkg/core.py").write_text("xyz")


def empty(root):
    """Empty a file."""
    (root / "pkg/core.py").write_text("")


def protect(root):
    """Make a file read-only."""
    (root / "pkg/core.py").chmod(0o444)


def remove(root):
    """Remove a file."""
    (root / "pkg/RECORD").unlink()


def stash(root):
    """Rename a directory."""
    os.rename(root / "pkg", root / "~kg")


def link(root):
    """Put a symbolic link in the place of a file."""
    (root / "pkg/RECORD").unlink()
    os.symlink("core.py", root / "pkg/RECORD")


def hard_link(root):
    """Put a hard link in the place of a file."""
    (root / "pkg/RECORD").unlink()
    os.link(root / "pkg/core.py", root / "pkg/RECORD")


def make_directory(root):
    """Put a directory in the place of a file."""
    (root / "pkg/core.py").unlink()
    (root / "pkg/core.py").mkdir()


def delete_all(root):
    """Remove the whole tree."""
    shutil.rmtree(root)


def become_a_file(root):
    """Put a file in the place of the tree."""
    shutil.rmtree(root)
    root.write_text("x")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (change_nothing, ""),
        (rewrite, "~ pkg/core.py 3 bytes, other content"),
        (empty, "~ pkg/core.py 3 -> 0 bytes"),
        (protect, f"~ pkg/core.py mode {MODE:03o} -> 444"),
        (remove, "- pkg/RECORD"),
        (stash, "- pkg/\n+ ~kg/"),
        pytest.param(
            link, "~ pkg/RECORD file -> link", marks=posix_fact("symbolic links that anybody may make")
        ),
        (
            hard_link,
            (
                "~ pkg/RECORD 8 -> 3 bytes\n~ pkg/RECORD no hard link -> hard link to pkg/RECORD\n"
                "~ pkg/core.py no hard link -> hard link to pkg/RECORD"
            ),
        ),
        (make_directory, "~ pkg/core.py file -> directory"),
        (delete_all, "- the whole tree (3 items)"),
        (become_a_file, "~ the root: directory -> file\n+ .\n- pkg/"),
    ],
)
def test_a_difference_reads_well(root, change, expected):
    """``-`` is gone, ``+`` is new, ``~`` is another; equal trees differ in nothing."""
    before = take(root)
    change(root)
    after = take(root)
    assert expected == before.diff(after)
    assert (not expected) is (before == after)


@posix_fact("symbolic links that anybody may make")
def test_links_that_lead_elsewhere(root):
    """A link that was bent is another."""
    os.symlink("core.py", root / "pkg/link")
    before = take(root)
    (root / "pkg/link").unlink()
    os.symlink("RECORD", root / "pkg/link")
    assert "~ pkg/link link to core.py -> RECORD" == before.diff(take(root))


def test_a_long_difference_is_cut(root):
    """Nobody reads a thousand lines."""
    before = take(root)
    for number in range(100):
        (root / f"f{number:03}").touch()
    lines = before.diff(take(root)).splitlines()
    assert (41, "+ f000", "... and 60 more") == (len(lines), lines[0], lines[-1])


def test_a_tree_as_text(root):
    """It reads like a listing."""
    os.link(root / "pkg/core.py", root / "pkg/also.py")
    digest = take(root)["pkg/core.py"].digest[:8]
    record = take(root)["pkg/RECORD"]
    assert [
        "pkg/",
        f"pkg/RECORD  8 bytes, {record.mode:03o}, {record.digest[:8]}",
        f"pkg/also.py  3 bytes, {MODE:03o}, {digest}",
        f"pkg/core.py  3 bytes, {MODE:03o}, {digest}, hard link to pkg/also.py",
    ] == str(take(root)).splitlines()
    assert "(nothing is there)" == str(take(root / "missing"))
    (root / "empty").mkdir()
    assert "(empty)" == str(take(root / "empty"))
    assert f"<tree of {root}: directory, 5 items>" == repr(take(root))


def test_equality_is_about_content(root, tmp_path):
    """Two trees at two places are equal; times do not count."""
    shutil.copytree(root, tmp_path / "copy")
    os.utime(tmp_path / "copy/pkg/core.py", (1, 1))
    assert take(root) == take(tmp_path / "copy")
    assert take(root) != "a tree"
    assert take(tmp_path / "missing") != take(tmp_path / "copy")


@reads_once
def test_a_file_that_has_not_changed_is_read_once(root):
    """But one written in the same tick of the clock, to the same size, is seen to be another."""
    reads = []

    class Counting:
        def __getattr__(self, name):
            if name == "read":
                return lambda descriptor, size: (reads.append(size), os.read(descriptor, size))[1]
            return getattr(NATIVE, name)

    now = time.time_ns()
    snapshots = Snapshots(Counting(), lambda: now + 10_000_000_000)
    first = snapshots.take(str(root))
    assert first == snapshots.take(str(root))
    assert 2 == len(reads)
    fresh = Snapshots(Counting(), lambda: now)
    before = fresh.take(str(root))
    (root / "pkg/core.py").write_text("xyz")
    assert "~ pkg/core.py 3 bytes, other content" == before.diff(fresh.take(str(root)))


@reads_once
def test_large_files_of_a_sweep_are_read_once(root, sweep):
    """Those that a trial leaves alone are known by their times; one that it changes in place is seen."""
    size = 9 << 20

    def build(place):
        (place / "large.dll").write_bytes(b"a" * size)
        (place / "other.dll").write_bytes(b"b" * size)

    def body(place):
        with (place / "large.dll").open("r+b") as file:
            file.write(b"x")
        (place / "made").mkdir()

    reads = []
    real = Snapshots._read

    def counted(self, path, length):
        reads.append(os.path.basename(path))
        return real(self, path, length)

    Snapshots._read = counted
    try:
        trials = sweep(body, build=build, faults=["EACCES"], operations="os.mkdir")
    finally:
        Snapshots._read = real
    assert 3 == len(trials)
    assert ["~ large.dll 9437184 bytes, other content"] * 2 == [
        trial.before.diff(trial.tree) for trial in trials[1:]
    ]
    # In the old tree and, unless copies are made, in the one that was built the second time; never after the body.
    assert reads.count("other.dll") <= 2
    assert 3 <= reads.count("large.dll")


def test_large_files(root):
    """They are read to their end."""
    path = root / "large"
    path.write_bytes(b"a" * 3_000_000)
    before = take(root)
    with path.open("r+b") as file:
        file.seek(2_999_999)
        file.write(b"b")
    assert "~ large 3000000 bytes, other content" == before.diff(take(root))


def test_what_cannot_be_listed_is_there(root, monkeypatch):
    """A directory that goes while it is read stands there as empty; a file that cannot be read says why."""

    class Refusing:
        def __getattr__(self, name):
            if name == "open":
                return self.refuse
            return getattr(NATIVE, name)

        def refuse(self, *_args):
            raise PermissionError(13, "Permission denied")

    tree = Snapshots(Refusing()).take(str(root))
    assert "(Permission denied)" == tree["pkg/core.py"].digest


def test_a_session_takes_trees(root):
    """`fsfault.tree` meets no fault, and counts as no call."""
    with inject("any -> EACCES or never", roots=[root]) as fsfault:
        tree = fsfault.tree(root)
        assert tree == fsfault.tree(str(root))
        assert not fsfault.journal
    assert isinstance(tree, Tree)
    assert tree == take(root)


def test_mistakes(root):
    """What is no path is refused in one sentence."""
    with inject(roots=[root]) as fsfault:
        with pytest.raises(ValueError, match=r"^tree\(None\) takes a path; write a directory$"):
            fsfault.tree(None)


def test_files_that_are_gone_are_forgotten(root, monkeypatch):
    """A tree that is built anew for each snapshot takes no more memory than one that stays."""
    monkeypatch.setattr("pytest_fsfault._prove.snapshots._REMEMBERED", 4)
    snapshots = Snapshots(NATIVE, lambda: time.time_ns() + 10_000_000_000)
    kept = set()
    for trial in range(10):
        for name in "abcde":
            (root / name).unlink(missing_ok=True)
            (root / name).write_text(f"{name} of trial {trial}")
        taken = snapshots.take(str(root))
        assert taken == take(root)
        kept.add(len(snapshots._digests) + len(snapshots._older))
    assert 2 * len(root_files(root)) >= max(kept)


def root_files(root):
    """Return the files of a tree."""
    return [path for path in root.rglob("*") if path.is_file()]


@reads_once
def test_what_was_forgotten_is_read_again(root, monkeypatch):
    """And what is met again is not, however many files came in between."""
    monkeypatch.setattr("pytest_fsfault._prove.snapshots._REMEMBERED", 1)
    other = root.parent / "other"
    other.mkdir()
    (other / "file").write_text("x")
    opened = []

    class Counting:
        """The real functions; each file that is opened is noted."""

        def __getattr__(self, name):
            return getattr(NATIVE, name)

        def open(self, path, *arguments):
            opened.append(os.path.basename(path))
            return NATIVE.open(path, *arguments)

    snapshots = Snapshots(Counting(), lambda: time.time_ns() + 10_000_000_000)
    first = snapshots.take(str(root))
    snapshots.take(str(other))
    assert first == snapshots.take(str(root))
    assert ["RECORD", "core.py", "file"] == sorted(opened)


def test_only_a_tree_has_a_difference(root):
    """A mistake is told as one."""
    with pytest.raises(FsFaultError) as caught:
        Snapshots(NATIVE).take(str(root)).diff(3)
    assert "diff(3) takes a tree; write diff(fsfault.tree(root))" == str(caught.value)


def test_a_large_tree_takes_little_memory_for_each_name(root):
    """Content is read piece by piece, and of a name some hundred bytes are kept: a million files are 300 MB."""
    count = 2_000
    for number in range(count):
        os.close(os.open(root / f"file-{number:06}", os.O_CREAT | os.O_WRONLY))
    (root / "large").write_bytes(bytes(6 << 20))
    snapshots = Snapshots(NATIVE)
    tracemalloc.start()
    try:
        tree = snapshots.take(str(root))
        kept, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count < len(tree)
    assert kept < 500 * count
    assert most < 1000 * count + (4 << 20)
