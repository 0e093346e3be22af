"""Paths in every shape that callers pass them."""

# ruff: noqa: PLW0108, UP020  # how a call is written is what is tested here

from __future__ import annotations

import io
import os
import re
import shutil
from pathlib import Path

import pytest
from skips import marked, posix_fact

from pytest_fsfault import inject


class Named:
    """A path-like object that is no `Path`."""

    def __init__(self, path):
        self.path = path
        self.asked = 0

    def __fspath__(self):
        self.asked += 1
        return self.path


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """Lay out `root/d/f` and a directory `outside`, and stand in `root`."""
    root = tmp_path / "root"
    (root / "d").mkdir(parents=True)
    (root / "d" / "f").write_text("content")
    (tmp_path / "outside").mkdir()
    monkeypatch.chdir(root)
    return root


SPELLINGS = {
    "str": lambda root: f"{root}/d/f",
    "bytes": lambda root: os.fsencode(root / "d" / "f"),
    "Path": lambda root: root / "d" / "f",
    "path-like str": lambda root: Named(f"{root}/d/f"),
    "path-like bytes": lambda root: Named(os.fsencode(root / "d" / "f")),
    "relative": lambda root: "d/f",
    "relative bytes": lambda root: b"d/f",
    "relative Path": lambda root: Path("d/f"),
    "dot": lambda root: "./d/./f",
    "dots": lambda root: f"{root}/d/../d/f",
    "relative dots": lambda root: "../root/d/f",
    "doubled slash": lambda root: f"{root}//d//f",
    "two slashes in front": lambda root: f"/{root}/d/f",
    "from outside": lambda root: f"{root}/../outside/../root/d/f",
    "subclass": lambda root: type("Text", (str,), {})(f"{root}/d/f"),
}


@pytest.mark.parametrize(
    "spelling",
    marked(
        SPELLINGS,
        {"two slashes in front": posix_fact("two slashes are one; on Windows a server's name is next")},
    ),
)
@pytest.mark.parametrize("operation", ["os.stat", "os.lstat", "os.remove", "os.open", "open", "os.chmod"])
def test_a_path_is_met_however_it_is_spelt(operation, spelling, tree):
    """The rule sees it absolute and normalised, the error names what was passed."""
    given = SPELLINGS[spelling](tree)
    calls = {
        "os.stat": lambda: os.stat(given),
        "os.lstat": lambda: os.lstat(given),
        "os.remove": lambda: os.remove(given),
        "os.open": lambda: os.open(given, os.O_RDONLY),
        "open": lambda: open(given),
        "os.chmod": lambda: os.chmod(given, 0o600),
    }
    with inject(f"{operation} d/f -> EBUSY", roots=[tree]) as fsfault:
        with pytest.raises(OSError) as caught:
            calls[operation]()
        assert [f"{tree.as_posix()}/d/f"] == [entry.path for entry in fsfault.journal]
    assert os.fspath(given) == caught.value.filename
    assert type(os.fspath(given)) is type(caught.value.filename)


def test_a_path_object_is_asked_once_for_its_path(tree):
    """As the original does; a second answer might be another."""
    given = Named(f"{tree}/d/f")
    with inject("os.stat -> EBUSY when nth 2 or never", roots=[tree]):
        os.stat(given)
    assert 1 == given.asked


@pytest.mark.parametrize(
    ("operation", "call"),
    [
        ("os.listdir", lambda: os.listdir()),
        ("os.listdir", lambda: os.listdir(None)),
        ("os.listdir", lambda: os.listdir(path=None)),
        ("os.listdir", lambda: os.listdir(b".")),
        ("os.scandir", lambda: os.scandir()),
        ("os.scandir", lambda: os.scandir(path=".")),
    ],
)
def test_without_a_path_it_is_the_current_directory(operation, call, tree):
    """`os.listdir()` is met as a listing of where the code stands."""
    with inject(f"{operation} {tree}/d -> EBUSY", roots=[tree]) as fsfault:
        os.chdir("d")
        with pytest.raises(OSError, match="busy"):
            call()
        assert [f"{tree.as_posix()}/d"] == [entry.path for entry in fsfault.journal]


def test_a_relative_path_follows_the_current_directory(tree):
    """One text means another file after a chdir."""
    with inject("os.stat d/f -> EBUSY when once", roots=[tree]) as fsfault:
        os.chdir(tree.parent / "outside")
        with pytest.raises(FileNotFoundError):
            os.stat("f")
        os.chdir(tree / "d")
        with pytest.raises(OSError, match="busy"):
            os.stat("f")
        assert 1 == len(fsfault.journal)


@pytest.mark.parametrize(
    ("operation", "call"),
    [
        ("os.remove", lambda path: os.remove(path=path)),
        ("os.stat", lambda path: os.stat(path=path, follow_symlinks=False)),
        ("os.mkdir", lambda path: os.mkdir(mode=0o700, path=path)),
        ("os.open", lambda path: os.open(flags=os.O_RDONLY, path=path)),
        ("os.access", lambda path: os.access(path=path, mode=os.R_OK)),
        ("os.replace", lambda path: os.replace(dst=f"{path}2", src=path)),
        ("os.rename", lambda path: os.rename(path, dst=f"{path}2")),
        ("os.link", lambda path: os.link(src=path, dst=f"{path}2")),
        ("open", lambda path: open(file=path, mode="rb")),
        ("open", lambda path: io.open(encoding="utf-8", file=path)),
        ("shutil.rmtree", lambda path: shutil.rmtree(path=path)),
        ("shutil.copyfile", lambda path: shutil.copyfile(dst=f"{path}2", src=path)),
        ("shutil.move", lambda path: shutil.move(src=path, dst=f"{path}2")),
        ("shutil.make_archive", lambda path: shutil.make_archive(base_name=path, format="tar", root_dir="d")),
        ("shutil.unpack_archive", lambda path: shutil.unpack_archive(filename=path)),
        ("os.truncate", lambda path: os.truncate(path=path, length=1)),
        ("os.readlink", lambda path: os.readlink(path=path)),
    ],
)
def test_arguments_may_be_named(operation, call, tree):
    """The wrappers have the parameters of their originals."""
    with inject(f"{operation} d/f -> EBUSY", roots=[tree]) as fsfault:
        try:
            assert call(f"{tree}/d/f") is False
        except OSError as error:
            assert "busy" in str(error)
        assert [operation] == [entry.operation for entry in fsfault.journal]


@posix_fact("descriptors of directories")
@pytest.mark.parametrize(
    ("rule", "call"),
    [
        ("os.stat d/f", lambda d: os.stat("f", dir_fd=d)),
        ("os.lstat d/f", lambda d: os.lstat("f", dir_fd=d)),
        ("os.remove d/f", lambda d: os.unlink("f", dir_fd=d)),
        ("os.rmdir d/g", lambda d: os.rmdir("g", dir_fd=d)),
        ("os.mkdir d/g", lambda d: os.mkdir("g", dir_fd=d)),
        ("os.open d/f", lambda d: os.open("f", os.O_RDONLY, dir_fd=d)),
        ("os.chmod d/f", lambda d: os.chmod("f", 0o600, dir_fd=d)),
        ("os.utime d/f", lambda d: os.utime("f", dir_fd=d)),
        ("os.readlink d/f", lambda d: os.readlink("f", dir_fd=d)),
        ("os.rename d/f to g", lambda d: os.rename("f", "g", src_dir_fd=d)),
        ("os.replace d/f to d/g", lambda d: os.replace("f", "g", src_dir_fd=d, dst_dir_fd=d)),
        ("os.replace f to d/g", lambda d: os.replace("d/f", "g", dst_dir_fd=d)),
        ("os.link d/f to g", lambda d: os.link("f", "g", src_dir_fd=d)),
        ("os.symlink d/f to d/g", lambda d: os.symlink("f", "g", dir_fd=d)),
        ("os.symlink d/f to d/g", lambda d: os.symlink("f", "d/g")),
        ("os.listdir d", lambda d: os.listdir(d)),
        ("os.scandir d", lambda d: os.scandir(d)),
        ("os.chdir d", lambda d: os.chdir(d)),
        ("os.chdir d", lambda d: os.fchdir(d)),
        ("os.stat d", lambda d: os.stat(d)),
        ("os.chmod d", lambda d: os.chmod(d, 0o700)),
        ("os.chmod d", lambda d: os.fchmod(d, 0o700)),
    ],
)
def test_descriptors_are_resolved_to_paths(rule, call, tree):
    """`dir_fd`, `src_dir_fd`, `dst_dir_fd`, and descriptors in the place of paths."""
    descriptor = os.open("d", os.O_RDONLY)
    try:
        with inject(f"{rule} -> EBUSY", roots=[tree]) as fsfault:
            with pytest.raises(OSError, match="busy"):
                call(descriptor)
            assert 1 == len(fsfault.journal)
    finally:
        os.close(descriptor)


def test_a_high_descriptor_is_decided_once(tree):
    """C makes a new number of a descriptor above 256, which the audit hook must know again."""
    low = os.open("d/f", os.O_RDWR)
    high = 300
    os.dup2(low, high)
    try:
        with inject("os.truncate, os.chmod -> EBUSY when nth 4 or never", roots=[tree]) as fsfault:
            changes = [os.ftruncate(high, length) for length in (3, 2)]
            if hasattr(os, "fchmod"):
                changes.append(os.fchmod(high, 0o600))
            assert len(changes) * ["ok"] == [entry.outcome for entry in fsfault.journal]
    finally:
        os.close(low)
        os.close(high)


@posix_fact("descriptors of directories")
def test_an_absolute_path_needs_no_dir_fd(tree):
    """POSIX ignores the descriptor then."""
    descriptor = os.open(tree.parent / "outside", os.O_RDONLY)
    try:
        with inject("os.stat d/f -> EBUSY", roots=[tree]), pytest.raises(OSError, match="busy"):
            os.stat(f"{tree}/d/f", dir_fd=descriptor)
    finally:
        os.close(descriptor)


@pytest.mark.parametrize(
    ("source", "target"), [("root/d/f", "outside/f"), ("outside/f", "root/d/f"), ("root/d/f", "root/g")]
)
@pytest.mark.parametrize("function", ["rename", "replace", "link"])
def test_a_call_with_one_end_below_a_root_is_in_scope(function, source, target, tree):
    """Into the root, out of it, or within."""
    (tree.parent / "outside" / "f").touch()
    with inject(f"os.{function} -> EBUSY", roots=[tree]), pytest.raises(OSError, match="busy"):
        getattr(os, function)(tree.parent / source, tree.parent / target)


# A link to the root from elsewhere is not below it.
@posix_fact("symbolic links that anybody may make")
@pytest.mark.parametrize(
    ("root", "spell"), [("link", "link/d/f"), ("link", "root/d/f"), ("root", "root/d/f")]
)
def test_a_symlinked_root_counts_as_given_and_as_its_real_path(root, spell, tree):
    """Whoever resolves paths first is met as well; links below the root are not resolved."""
    (tree.parent / "link").symlink_to("root")
    with inject("os.stat d/f -> EBUSY", roots=[tree.parent / root]), pytest.raises(OSError, match="busy"):
        os.stat(f"{tree.parent}/{spell}")


def test_a_root_that_does_not_exist_yet_is_watched_from_its_creation(tree):
    """Its own creation is the first thing that is seen."""
    later = tree / "later" / "on"
    with inject("os.mkdir -> EACCES when once", roots=[later]) as fsfault:
        os.mkdir(tree / "later")
        with pytest.raises(PermissionError):
            os.mkdir(later)
        os.mkdir(later)
        assert 2 == len(fsfault.journal)


WRONG = {
    "os.remove": [(), (3.5,), (None,), (3,), ([],), ("a\0b",)],
    "os.stat": [(), (3.5,), (None,), ("a\0b",)],
    "os.replace": [(), ("a",), (3, "b"), ("a", 3.5), (None, "b"), ("a\0b", "c")],
    "os.symlink": [(), (3.5, "b"), ("a", None), ("a", 3)],
    "os.mkdir": [(3,), (None,)],
    "os.open": [(3.5, 0), (3, 0)],
    "os.listdir": [(3.5,), ("a\0b",), ([],)],
    "os.read": [(), ("a", 1), (3.5, 1)],
    "os.close": [(), ("a",), (3.5,), (None,)],
    "open": [(), (3.5,), (None,), ("a\0b",), (-1,), ("d/f", 3), ("d/f", "zz")],
    "shutil.rmtree": [(3.5,), (None,)],
    "shutil.copyfile": [("a",), (3.5, "b")],
}
# What is wrong here is not a path: a fault comes before the original could say so.
WRONG_OTHERWISE = {
    "os.open": [("d/f",), ("d/f", "b")],
    "os.mkdir": [("a", "b")],
    "os.replace": [("d/f", "b", "c")],
    "os.read": [(0, "b")],
    "os.truncate": [("d/f",), (3.5, 1)],
    "open": [("d/f", "r", "x"), ("d/f", "rb", -1, ""), ("d/f", "r", 0), ("d/f", "r", -1, 3)],
}


def compare(function, args, rule, root):
    """Assert that a function raises under a rule what it raises by itself: the class, and the text of all but arity."""
    module, _, name = function.rpartition(".")
    scope = {"os": os, "shutil": shutil, "": io}[module]
    with pytest.raises((TypeError, ValueError)) as real:
        getattr(scope, name)(*args)
    with inject(rule, roots=[root]), pytest.raises((TypeError, ValueError)) as ours:
        getattr(scope, name)(*args)
    assert type(real.value) is type(ours.value)
    if not re.search("required|positional|expected . arg|exactly", str(real.value)):
        assert str(real.value) == str(ours.value)


@pytest.mark.parametrize("armed", [True, False])
@pytest.mark.parametrize(
    ("function", "args"), [(name, args) for name, rows in WRONG.items() for args in rows]
)
def test_a_wrong_path_raises_what_the_original_raises(function, args, armed, tree):
    """With and without a rule on the operation."""
    compare(function, args, f"{function if armed else 'os.chdir'} -> EBUSY or never", tree)


@pytest.mark.parametrize(
    ("function", "args"), [(name, args) for name, rows in WRONG_OTHERWISE.items() for args in rows]
)
def test_other_wrong_arguments_raise_what_the_original_raises(function, args, tree):
    """A rule that is not due looks at the call, and lets it go to its error."""
    compare(function, args, f"{function} -> EBUSY when nth 9 or never", tree)


@posix_fact("a current directory that is deleted")
@pytest.mark.parametrize("call", [lambda: os.stat("x"), lambda: open("x"), lambda: os.rename("x", "y")])
def test_a_deleted_current_directory_raises_what_the_original_raises(call, tree):
    """Where no path can be told there is no decision."""
    with inject("any -> EBUSY or never", roots=[tree]) as fsfault, fsfault.paused():
        os.mkdir("gone")
        os.chdir("gone")
        os.rmdir(tree / "gone")
    try:
        with pytest.raises(FileNotFoundError) as real:
            call()
        with inject("os.stat, open, os.rename -> EBUSY or never", roots=[tree]):
            with pytest.raises(FileNotFoundError) as ours:
                call()
    finally:
        os.chdir(tree)
    assert str(real.value) == str(ours.value)


class Wrong:
    """An object that says `what` for its path, or raises it."""

    def __init__(self, what):
        self.what = what

    def __fspath__(self):
        if isinstance(self.what, Exception):
            raise self.what
        return self.what


@pytest.mark.parametrize("name", ["stat", "remove", "listdir"])
@pytest.mark.parametrize("what", ["missing", b"missing", 7, ValueError("no path"), TypeError("no path")])
def test_a_path_object_is_taken_as_the_function_takes_it(tmp_path, name, what):
    """What it stands for, and what is wrong with it, is as without us, also once that path is known."""
    if isinstance(what, (str, bytes)):
        what = os.path.join(tmp_path if isinstance(what, str) else os.fsencode(tmp_path), what)

    def outcome():
        with pytest.raises((OSError, TypeError, ValueError)) as caught:
            getattr(os, name)(Wrong(what))
        return type(caught.value), str(caught.value), getattr(caught.value, "filename", None)

    expected = outcome()
    with inject("os.replace /nowhere/* -> EACCES or never", roots=[tmp_path]):
        assert [expected, expected] == [outcome(), outcome()]
