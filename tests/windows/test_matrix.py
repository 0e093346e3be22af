"""Who has a file open, and what then: the matrix of holders and operations.

Sources: WINE-K test_file_sharing, test_MoveFileA and test_CopyFile2; WFSP exec_rename_test; UCRT open.cpp.
"""

from __future__ import annotations

import errno
import mmap
import os
import shutil
import sys
import tempfile

import pytest
from skips import WINE

from pytest_fsfault import inject

COPY2 = sys.version_info >= (3, 12)
HOLDERS = ("P", "X", "SR", "SD", "NT", "MM", "IMG")

# A number is a winerror; E13 and the like an errno without one. A star marks what 3.12 has changed.
MATRIX = """
    open r           ok   E13  ok   ok   E13  ok   ok
    open r+          ok   E13  E13  ok   E13  ok   E13
    open a           ok   E13  E13  ok   E13  ok   E13
    open w           ok   E13  E13  ok   E13  E22  E13
    open x           E17  E17  E17  E17  E17  E17  E17
    remove           32   32   32   ok   ok   32   5
    rename from      32   32   32   ok   ok   32   ok
    replace from     32   32   32   ok   ok   32   ok
    replace onto     5    5    5    5    5    5    5
    rename onto      183  183  183  183  183  183  183
    stat             ok   ok   ok   ok   ok   ok   ok
    access           ok   ok   ok   ok   ok   ok   ok
    chmod            ok   ok   ok   ok   ok   ok   ok
    utime            ok   ok   ok   ok   ok   ok   ok
    link             ok   ok   ok   ok   ok   ok   ok
    copyfile from    ok   E13  ok   ok   E13  ok   ok
    copy2 from *     ok   32   ok   ok   ok   ok   ok
    copy2 onto *     ok   32   32   ok   32   1224 32
    rename above     5    5    5    5    5    5    ok
"""
ROWS = [
    (row[:21].strip(), holder, cell)
    for row in MATRIX.strip("\n").splitlines()
    for holder, cell in zip(HOLDERS, row[21:].split(), strict=True)
]


def held(holder, path, windows):
    """Return what holds the file at `path`, to be closed."""
    if holder == "P":
        return open(path, "rb")
    if holder == "MM":
        with open(path, "r+b") as file:
            return mmap.mmap(file.fileno(), 0)
    if holder == "IMG":
        return windows.run(path)
    return windows.hold(path, share={"X": "", "SR": "r", "SD": "rwd"}[holder])


def do(operation, path, other, new):
    """Do one operation of the matrix."""
    name, _, rest = operation.removesuffix(" *").partition(" ")
    if name == "open":
        open(path, rest).close()
    elif name == "rename" and rest == "above":
        os.rename(os.path.dirname(path), os.path.dirname(path) + "-moved")
    elif name == "chmod":
        os.chmod(path, 0o666)
    elif name == "utime":
        os.utime(path, (1, 1))
    elif name == "link":
        os.link(path, new)
    elif name == "access":
        assert os.access(path, os.R_OK)
    elif name in {"remove", "stat"}:
        getattr(os, name)(path)
    else:
        function = getattr(shutil if "copy" in name else os, name)
        function(*((path, new) if rest == "from" else (other, path)))


def outcome(call, *args):
    """Return ``"ok"``, a winerror, or an errno as ``"E13"``."""
    try:
        call(*args)
    except OSError as error:
        return str(error.winerror) if error.winerror is not None else f"E{error.errno}"
    return "ok"


ABOVE = "it renames a directory above an open file"
MAPPED = "it refuses to set attributes of a file that is mapped and open"
DEVIATIONS = {
    ("rename above", "MM"): ABOVE,
    ("rename above", "NT"): ABOVE,
    ("rename above", "P"): ABOVE,
    ("chmod", "MM"): MAPPED,
    ("utime", "MM"): MAPPED,
}


@pytest.mark.parametrize(("operation", "holder", "expected"), ROWS)
def test_matrix(operation, holder, expected, tmp_path):
    """Each operation on a file that each kind of holder has open gives what Windows gives."""
    if operation.endswith("*") and not COPY2:
        pytest.skip("before 3.12 copy2 opens files as copyfile does")
    if operation.endswith("*") and WINE:
        pytest.skip(f"Wine {WINE} is not Windows: it lacks CopyFile2")
    assert (errno.EACCES, errno.EINVAL, errno.EEXIST) == (13, 22, 17)
    if WINE and (operation, holder) in DEVIATIONS:
        pytest.skip(f"Wine {WINE} is not Windows: {DEVIATIONS[operation, holder]}")
    inside = tmp_path / "inside"
    inside.mkdir()
    path, other, new = (str(inside / name) for name in ("file.txt", "other.txt", "new.txt"))
    for name in (path, other):
        with open(name, "w") as file:
            file.write("text")
    with inject(windows="11", roots=[tmp_path], strict=False) as fsfault:
        windows = fsfault.windows()
        if holder == "NT":
            with tempfile.NamedTemporaryFile(dir=inside) as file:
                assert expected == outcome(do, operation, file.name, other, new)
                windows.close()  # it may be gone: its own deletion is to find nothing to say
                if not os.path.exists(file.name):
                    open(file.name, "w").close()
            return
        with held(holder, path, windows):
            assert expected == outcome(do, operation, path, other, new)


LETTERS = ("", "r", "w", "d", "rw", "rd", "wd", "rwd")


@pytest.mark.parametrize("share", LETTERS)
@pytest.mark.parametrize("access", LETTERS)
def test_sharing_goes_both_ways(access, share, tmp_path):
    """A plain open and a delete meet every handle by the rule: access within share, on either side."""
    path = tmp_path / "file"
    with inject(windows="11", roots=[tmp_path], strict=False) as fsfault:
        for mode, wish, shared in (
            ("rb", "r", "rw"),
            ("ab", "w", "rw"),
            ("r+b", "rw", "rw"),
            (None, "d", "rwd"),
        ):
            path.write_text("x")
            with fsfault.windows().hold(path, access=access, share=share):
                got = outcome(touch, path, mode)
            free = not access or (set(wish) <= set(share) and set(access) <= set(shared))
            assert ("ok" if free else "32" if mode is None else "E13") == got, (mode, access, share)


def touch(path, mode):
    """Open a file, or, without a mode, delete it."""
    if mode is None:
        os.remove(path)
    else:
        path.open(mode).close()
