"""``outside="refuse"``: what a test changes beside its roots is refused, written down, and fails the test."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from pytest_fsfault import Unmet, inject

posix = pytest.importorskip("posix")


@pytest.fixture
def trees(monkeypatch):
    """Return a root, and a directory beside it that no temporary files belong to."""
    with tempfile.TemporaryDirectory(dir=Path.home(), prefix="outside-") as directory:
        root, other = Path(directory, "root"), Path(directory, "other")
        for path in (root, other):
            path.mkdir()
            (path / "f").write_text("text")
        (root / "link").symlink_to(other)
        (other / "sub").mkdir()
        (root / "to sub").symlink_to(other / "sub")
        (root / "to file").symlink_to(other / "f")
        (root / "to new").symlink_to("../other/new")
        monkeypatch.chdir(other)
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
    "again": lambda root, other: [stat_then_remove(other) for _ in range(2)],
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


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_outside_the_roots_is_refused(what, trees):
    """It raises EACCES, is in the journal, changes nothing, and fails the test with the path and the line."""
    root, other = trees
    before = contents(other)
    with (
        pytest.raises(Unmet, match=rf"outside the roots, and was not changed, at {__file__}:\d+"),
        inject(roots=[root], outside="refuse") as fsfault,
    ):
        with pytest.raises(PermissionError) as refused:
            CHANGES[what](root, other)
        (entry,) = fsfault.journal.faults
    assert ("raised", "EACCES") == (entry.outcome, entry.fault)
    assert refused.value.errno == 13
    assert before == contents(other)


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


#: What is done to a link below the root, not to what it leads to outside.
TO_LINKS = {
    "os.remove": os.remove,
    "os.rename": lambda link: os.rename(link, link.with_name("renamed")),
    "os.replace over it": lambda link: os.replace(link.with_name("f"), link),
    "os.utime": lambda link: os.utime(link, (1, 1), follow_symlinks=False),
    "a copied link": lambda link: shutil.copy2(link, link.with_name("copy"), follow_symlinks=False),
    "read": lambda link: link.read_text(),
}


@pytest.mark.parametrize("what", TO_LINKS)
def test_a_link_below_the_root_may_be_changed(what, trees):
    """It is part of the tree; what it leads to stays."""
    root, other = trees
    before = contents(other)
    with inject(roots=[root], outside="refuse"):
        TO_LINKS[what](root / "to file")
    assert before == contents(other)


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
