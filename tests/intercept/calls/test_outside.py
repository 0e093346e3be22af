"""``outside="refuse"``: what a test changes beside its roots is refused, written down, and fails the test."""

from __future__ import annotations

import functools
import importlib
import os
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import chdir, closing, nullcontext, suppress
from pathlib import Path

import pytest
from skips import WINDOWS, linux_fact, marked, posix_fact

from pytest_fsfault import Unmet, inject

posix = importlib.import_module(os.name)  # the module of C behind `os`
early_chown = getattr(posix, "chown", None)
OWNERS, FIFOS, DESCRIPTORS, LINKS = map(
    posix_fact,
    (
        "the owner of a file",
        "a FIFO in a directory",
        "descriptors of directories",
        "symbolic links that anybody may make",
    ),
)


@pytest.fixture
def trees():
    """Return a root, and a directory beside it that no temporary files belong to."""
    with tempfile.TemporaryDirectory(dir=Path.home(), prefix="outside-") as directory:
        root, other = Path(directory, "root"), Path(directory, "other")
        for path in (root, other):
            path.mkdir()
            (path / "f").write_text("text")
        (other / "sub").mkdir()
        if not WINDOWS:
            (root / "link").symlink_to(other)
            (root / "to sub").symlink_to(other / "sub")
            (root / "to file").symlink_to(other / "f")
            (root / "to new").symlink_to("../other/new")
        with chdir(other):  # and out of it again, before it is removed: Windows would refuse that
            yield root, other


#: Changes of the directory beside the root, from its own file `f`, by all kinds of wrappers.
CHANGES = {
    "os.remove": lambda root, other: os.remove(other / "f"),
    "a relative path": lambda root, other: os.remove("f"),
    "os.mkdir": lambda root, other: os.mkdir(f"{other}/d"),
    "os.chmod": lambda root, other: os.chmod(other / "f", 0o600),
    "open to write": lambda root, other: open(other / "f", "w"),
    "open to append": lambda root, other: open(f"{other}/new", "a"),
    "os.open": lambda root, other: os.open(other / "new", os.O_WRONLY | os.O_CREAT),
    "os.replace out": lambda root, other: os.replace(root / "f", other / "g"),
    "os.rename in": lambda root, other: os.rename(other / "f", root / "g"),
    "os.link": lambda root, other: os.link(root / "f", other / "g"),
    "through a link": lambda root, other: os.remove(root / "link" / "f"),
    "up from where a link leads": lambda root, other: os.remove(root / "to sub" / ".." / "f"),
    "up, by a relative path": lambda root, other: os.mkdir("../root/to sub/../new"),
    "up, from a directory": lambda root, other: relative(os.mkdir, "to sub/../new", root),
    "open through a link": lambda root, other: open(root / "to file", "w"),
    "os.open through a link": lambda root, other: os.open(root / "to file", os.O_WRONLY | os.O_TRUNC),
    "a new file through a link": lambda root, other: open(root / "to new", "a"),
    "os.chmod through a link": lambda root, other: os.chmod(root / "to file", 0o600),
    "os.utime through a link": lambda root, other: os.utime(root / "to file", (1, 1)),
    "os.truncate through a link": lambda root, other: os.truncate(root / "to file", 1),
    "a copy through a link": lambda root, other: shutil.copyfile(root / "f", root / "to file"),
    "bound early, through a link": lambda root, other, chmod=posix.chmod: chmod(root / "to file", 0o600),
    "a composite": lambda root, other: shutil.copyfile(root / "f", other / "g"),
    "bound early": lambda root, other, unlink=posix.unlink: unlink(f"{other}/f"),
    "an owner": lambda root, other: os.chown(other / "f", -1, -1),
    "an owner, through a link": lambda root, other: os.chown(root / "to file", -1, -1),
    "an owner, bound early": lambda root, other: early_chown(f"{other}/f", -1, -1),
    "a FIFO": lambda root, other: os.mkfifo(other / "new"),
    "a FIFO, by name": lambda root, other: os.mkfifo(mode=0o600, path=f"{other}/new"),
    "a node, from a directory": lambda root, other: relative(os.mknod, "link/new", root),
    "again": lambda root, other: [stat_then_remove(other) for _ in range(2)],
}


ELSEWHERE = {
    **dict.fromkeys([what for what in CHANGES if "link" in what], LINKS),
    "up, by a relative path": LINKS,
    "up, from a directory": DESCRIPTORS,
    "an owner": OWNERS,
    "an owner, through a link": OWNERS,
    "an owner, bound early": OWNERS,
    "a FIFO": FIFOS,
    "a FIFO, by name": FIFOS,
    "a node, from a directory": FIFOS,
}


def stat_then_remove(other):
    """Look at a file by its name before it is removed: what is remembered of a path must not let it pass."""
    os.stat(f"{other}/f")
    open(f"{other}/f").close()
    os.remove(f"{other}/f")


def relative(function, path, directory):
    """Call a function with a path as seen from a directory."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        function(path, dir_fd=descriptor)
    finally:
        os.close(descriptor)


def contents(directory):
    """Return the files of a directory, and the names of what else is there."""
    files = [path for path in directory.iterdir() if path.is_file()]
    return os.listdir(directory), {path.name: (path.stat().st_mode, path.read_text()) for path in files}


@pytest.mark.parametrize("what", marked(CHANGES, ELSEWHERE))
def test_a_change_outside_the_roots_is_refused(what, trees):
    """It raises EACCES, is in the journal, changes nothing, and fails the test with the path and the line."""
    root, other = trees
    before = contents(other)
    with (
        pytest.raises(Unmet, match=rf"outside the roots, and was not changed, at {re.escape(__file__)}:\d+"),
        inject(roots=[root], outside="refuse") as fsfault,
    ):
        with pytest.raises(PermissionError) as refused:
            CHANGES[what](root, other)
        (entry,) = fsfault.journal.faults
    assert ("raised", "EACCES") == (entry.outcome, entry.fault)
    assert refused.value.errno == 13
    assert before == contents(other)


def copy(root, target, copytree=shutil.copytree):
    """Copy a tree by a function that was bound early."""
    copytree(root, target)


@pytest.mark.parametrize("rerun", [shutil.copytree, functools.partial(shutil.copytree), os.replace, copy])
def test_a_second_run_of_a_sweep_is_guarded_whatever_it_is(rerun, trees):
    """A function of Python's that is handed over counts as the test's, as one of the test's own does."""
    root, other = trees
    sweep = {"faults": ["EACCES"], "persist": False}
    with (
        pytest.raises(Unmet, match="is outside the roots, and was not changed"),
        inject(roots=[root], outside="refuse") as fsfault,
        suppress(AssertionError),
    ):
        for trial in fsfault.sweep(lambda tree: (tree / "a").touch(), **sweep):
            with trial as tree:
                os.remove(tree / "a")
            trial.check_rerun(rerun, other / "new")
    assert not (other / "new").exists()


def test_what_is_allowed_outside(trees):
    """Reading, temporary files, devices and what lies below the roots are no changes outside."""
    root, other = trees
    with inject(roots=[root], outside="refuse"):
        assert "text" == (other / "f").read_text()
        assert os.listdir(other)
        with tempfile.NamedTemporaryFile() as file:
            file.write(b"x")
        with open(os.devnull, "w") as null:
            null.write("x")
        os.replace(root / "f", root / "g")


@linux_fact("extended attributes")
def test_extended_attributes_outside(trees):
    """They are refused, set and removed, however the function was bound; whether the file system has any is not asked."""
    _, other = trees
    changes = [
        lambda: os.setxattr(other / "f", "user.a", b"1"),
        lambda: os.removexattr(other / "f", "user.a"),
        lambda: posix.setxattr(os.fsencode(other / "f"), b"user.a", b"1"),
    ]
    with inject(roots=[other.parent / "root"], outside="refuse", strict=False) as fsfault:
        for change in changes:
            with pytest.raises(PermissionError):
                change()
        assert 3 == len(fsfault.journal.faults)


def connect(name, **options):
    """Open a database of SQLite, and close it."""
    with closing(sqlite3.connect(name, **options)):
        pass


@pytest.mark.parametrize(
    "how",
    ["{other}/new", "{other}/f", "file:{other}/new", "file://{other}/new?mode=rwc", "file:{other}/f?cache=shared", "new",
     *(pytest.param(way, marks=LINKS) for way in ("{root}/to sub/x", "{root}/to file", "file:{root}/to%20sub/x"))],
)  # fmt: skip
def test_a_database_outside_is_not_opened_to_write(how, trees):
    """SQLite makes the file in C, and tells of it before."""
    root, other = trees
    before = contents(other)
    with inject(roots=[root], outside="refuse", strict=False) as fsfault:
        with pytest.raises(PermissionError):
            connect(how.format(root=root, other=other), uri=how.startswith("file:"))
        (entry,) = fsfault.journal.faults
    assert ("os.open", "EACCES") == (entry.operation, entry.fault)
    assert before == contents(other)


def test_databases_that_may_be_opened(trees):
    """Those that are only read, or are in memory, below a root, or temporary files, or for a path that is none."""
    root, other = trees
    connect(other / "db")
    with inject(roots=[root], outside="refuse"), tempfile.TemporaryDirectory() as temporary:
        for name in ("db?mode=ro", "db?immutable=1", "new?mode=memory"):
            connect(f"file:{other}/{name}", uri=True)
        connect(f"{root}/db")
        connect(f"{temporary}/db")
        for name in ("", ":memory:"):
            connect(name)
        with pytest.raises(TypeError):
            connect(3.5)


@posix_fact("sockets with a path")
def test_a_socket_gets_no_name_outside(trees):
    """Below a root it may; an address that is no path is no change."""
    root, other = trees
    with (
        inject(roots=[root], outside="refuse", strict=False) as fsfault,
        socket.socket(socket.AF_UNIX) as one,
    ):
        for name in ("new", os.fsencode(other / "new")):
            with pytest.raises(PermissionError):
                one.bind(name)
        with socket.socket() as two:
            two.bind(("127.0.0.1", 0))
        os.chdir(root)
        one.bind("new")
        assert 2 == len(fsfault.journal.faults)
    assert not (other / "new").exists()


#: What changes a file outside by the name that it was given below the root, and what does not.
BY_A_HARD_LINK = {
    "written": (lambda path: path.write_text("new"), True),
    "its mode": (lambda path: path.chmod(0o600), True),
    "its times": (lambda path: os.utime(path, (1, 1)), True),
    "its length": (lambda path: os.truncate(path, 0), True),
    "copied over": (lambda path: shutil.copyfile(path.with_name("f"), path), True),
    "its owner": (lambda path: os.chown(path, -1, -1), True),
    "read": (lambda path: path.read_text(), False),
    "renamed": (lambda path: path.rename(path.with_name("renamed")), False),
    "removed": (lambda path: path.unlink(), False),
}


@pytest.mark.parametrize("what", marked(BY_A_HARD_LINK, {"its owner": OWNERS}))
def test_a_file_outside_by_a_hard_link(what, trees):
    """The link may be made, renamed and removed; the file is not changed by it."""
    root, other = trees
    (root / "f").write_text("other text")
    before = contents(other)
    act, refused = BY_A_HARD_LINK[what]
    with inject(roots=[root], outside="refuse", strict=False) as fsfault:
        os.link(other / "f", root / "linked")
        with pytest.raises(PermissionError) if refused else nullcontext():
            act(root / "linked")
        reasons = [entry.reason for entry in fsfault.journal.faults]
    assert (
        int(refused) * [f"{root.as_posix()}/linked, a hard link to a file that is outside the roots"]
        == reasons
    )
    assert before == contents(other)


@posix_fact("owners and FIFOs")
def test_what_is_no_operation_is_met_only_where_a_session_refuses(trees):
    """Below the roots owners, FIFOs and links themselves may be changed; without such a session nothing is exchanged."""
    root, other = trees
    names = [name for name in ("chown", "lchown", "mkfifo", "setxattr", "splice") if hasattr(os, name)]
    with inject("os.mkdir -> EACCES or never", roots=[root]):
        assert all("built-in" in repr(getattr(os, name)) for name in names)
    with inject(roots=[root], outside="refuse") as fsfault:
        assert not any("built-in" in repr(getattr(os, name)) for name in names)
        os.chown(root / "f", -1, -1)
        os.lchown(root / "to file", -1, -1)
        os.chown(root / "to file", -1, -1, follow_symlinks=False)
        os.mkfifo(root / "new")
        with fsfault.paused():
            os.chown(other / "f", -1, -1)
        assert not fsfault.journal.faults
    assert all("built-in" in repr(getattr(os, name)) for name in names)


#: What is done to a link below the root, not to what it leads to outside.
TO_LINKS = {
    "os.remove": os.remove,
    "os.rename": lambda link: os.rename(link, link.with_name("renamed")),
    "os.replace over it": lambda link: os.replace(link.with_name("f"), link),
    "os.utime": lambda link: os.utime(link, (1, 1), follow_symlinks=False),
    "a copied link": lambda link: shutil.copy2(link, link.with_name("copy"), follow_symlinks=False),
    "read": lambda link: link.read_text(),
}


@LINKS
@pytest.mark.parametrize("what", TO_LINKS)
def test_a_link_below_the_root_may_be_changed(what, trees):
    """It is part of the tree; what it leads to stays."""
    root, other = trees
    before = contents(other)
    with inject(roots=[root], outside="refuse"):
        TO_LINKS[what](root / "to file")
    assert before == contents(other)


@LINKS
def test_a_link_to_another_place_below_the_root_may_be_followed(trees):
    """Also by a way that goes up, and where the root itself is named by a link."""
    root, _ = trees
    (root / "sub").mkdir()
    (root / "sub" / "up").symlink_to("../f")
    (root.parent / "named").symlink_to(root)
    for named in (root, root.parent / "named"):
        with inject(roots=[named], outside="refuse"):
            (named / "sub" / "up").write_text("new")
            os.chmod(named / "sub" / "up", 0o600)
            os.mkdir(named / "sub" / ".." / f"of {named.name}")
    assert "new" == (root / "f").read_text()


@posix_fact("/dev/stdout")
def test_standard_output_may_be_opened_by_its_name(trees):
    """`/dev/stdout` is a link to a file outside, if the output goes there."""
    root, other = trees
    code = (
        "import sys\nfrom pytest_fsfault import inject\nwith inject(roots=[sys.argv[1]], outside='refuse'):"
    )
    code += "\n open('/dev/stdout', 'a').write('x')"
    with open(other / "out", "wb") as out:
        subprocess.run([sys.executable, "-c", code, root], stdout=out, check=True)
    assert "x" == (other / "out").read_text()


def test_it_is_allowed_unless_asked_for(trees):
    """The default is to let everything outside the roots pass."""
    root, other = trees
    with inject("os.mkdir -> EIO or never", roots=[root]):
        os.remove(other / "f")
    assert not (other / "f").exists()


def test_it_fails_no_test_that_is_not_strict(trees):
    """With `strict=False` the change is refused all the same."""
    root, other = trees
    with inject(roots=[root], outside="refuse", strict=False), pytest.raises(PermissionError):
        os.remove(other / "f")
    assert (other / "f").exists()


def test_after_the_session_everything_is_allowed(trees):
    """What was remembered under it is forgotten, also by a session around it."""
    root, other = trees
    with inject("any -> EIO or never", roots=[root]):
        with inject(roots=[root], outside="refuse", strict=False), pytest.raises(PermissionError):
            os.remove(f"{other}/f")
        os.remove(f"{other}/f")
