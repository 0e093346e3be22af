"""A call that failed in a recorded run is made only where nothing comes of it, or where it is bound to fail so."""

from __future__ import annotations

import errno
import os

import pytest

from pytest_fsfault._core.language.operations import OPERATIONS, Operation, flag_groups, open_groups
from pytest_fsfault._host.originals import NATIVE
from pytest_fsfault._intercept.calls.foresight import may_try


@pytest.fixture
def tree(tmp_path):
    """Return a directory with a file, a full and an empty directory."""
    (tmp_path / "file").touch()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    (tmp_path / "empty").mkdir()
    return tmp_path


def operation(tree, name, path, target=None, detail=None):
    """Return an operation on names in the tree."""
    groups = OPERATIONS[name].groups
    if name == "open":
        groups = open_groups(detail)
    elif name == "os.open":
        groups = flag_groups(detail)
    end = None if target is None else f"{tree}/{target}"
    return Operation(name, f"{tree}/{path}", end, groups, detail=detail)


@pytest.mark.parametrize(
    ("name", "path", "target", "detail", "number", "expected"),
    [
        # Nothing comes of it.
        ("os.stat", "file", None, None, errno.EACCES, True),
        ("open", "file", None, "r", errno.EACCES, True),
        ("os.scandir", "full", None, None, errno.ENOTDIR, True),
        # What transfers bytes moves on.
        ("file.read", "file", None, None, errno.EIO, False),
        ("file.write", "file", None, None, errno.ENOSPC, False),
        ("os.read", "empty", None, None, errno.EISDIR, True),
        # What is made of others fails as they do.
        ("shutil.rmtree", "full", None, None, errno.EACCES, False),
        # Changes: whatever this system would have to refuse cannot be seen.
        ("os.remove", "file", None, None, errno.EACCES, False),
        ("os.remove", "none", None, None, errno.ENOENT, True),
        ("os.remove", "file", None, None, errno.ENOENT, False),
        ("os.remove", "empty", None, None, errno.EISDIR, True),
        ("os.remove", "file", None, None, errno.EISDIR, False),
        ("os.rmdir", "full", None, None, errno.ENOTEMPTY, True),
        ("os.rmdir", "empty", None, None, errno.ENOTEMPTY, False),
        ("os.rmdir", "file", None, None, errno.ENOTDIR, True),
        ("os.rmdir", "empty", None, None, errno.ENOTDIR, False),
        ("os.mkdir", "file", None, None, errno.EEXIST, True),
        ("os.mkdir", "new", None, None, errno.EEXIST, False),
        ("os.mkdir", "none/new", None, None, errno.ENOENT, True),
        ("os.mkdir", "new", None, None, errno.ENOENT, False),
        ("os.mkdir", "file/new", None, None, errno.ENOTDIR, True),
        ("os.rename", "none", "new", None, errno.ENOENT, True),
        ("os.rename", "file", "none/new", None, errno.ENOENT, True),
        ("os.rename", "file", "new", None, errno.ENOENT, False),
        ("os.rename", "file", "full", None, errno.EEXIST, False),
        ("os.replace", "empty", "full", None, errno.ENOTEMPTY, True),
        ("os.replace", "file", "full", None, errno.EISDIR, True),
        ("os.link", "file", "full", None, errno.EEXIST, True),
        ("os.symlink", "anything", "none/new", None, errno.ENOENT, True),
        ("os.symlink", "anything", "new", None, errno.EEXIST, False),
        ("open", "new", None, "w", errno.ENOENT, False),
        ("open", "none/new", None, "w", errno.ENOENT, True),
        ("open", "file", None, "x", errno.EEXIST, True),
        ("open", "file", None, "w", errno.EEXIST, False),
        ("open", "none", None, "r+", errno.ENOENT, True),
        ("open", "empty", None, "w", errno.EISDIR, True),
        ("os.open", "file", None, os.O_CREAT | os.O_EXCL | os.O_WRONLY, errno.EEXIST, True),
        ("os.open", "file", None, os.O_CREAT | os.O_WRONLY, errno.EEXIST, False),
        ("os.chmod", "none", None, None, errno.ENOENT, True),
        ("os.chmod", "file", None, None, errno.EPERM, False),
    ],
)  # fmt: skip
def test_what_may_be_tried(tree, name, path, target, detail, number, expected):
    """A look at the tree tells, and changes nothing."""
    before = sorted(tree.rglob("*"))
    assert expected == may_try(NATIVE, operation(tree, name, path, target, detail), number)
    assert before == sorted(tree.rglob("*"))
