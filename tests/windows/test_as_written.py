"""What is found under another spelling is named as the caller has written it, as on Windows."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from pytest_fsfault import inject

pytestmark = pytest.mark.skipif(os.name == "nt", reason="left to Windows: it knows by itself")


@pytest.fixture
def root(tmp_path, monkeypatch):
    """Return the current directory, with a directory `dir` of one file, under the model."""
    (tmp_path / "dir").mkdir()
    (tmp_path / "dir" / "a").write_text("x")
    monkeypatch.chdir(tmp_path)
    with inject(roots=[tmp_path], strict=False) as fsfault:
        fsfault.windows("11", long_paths=False)
        yield tmp_path


WRITTEN = ["dir", "DIR", "./DIR", "DIR/", "none/../dir", "DIR.", b"DIR", Path("DIR")]


@pytest.mark.parametrize("written", WRITTEN, ids=map(repr, WRITTEN))
def test_an_entry_is_below_its_directory_as_written(root, written):
    """Its path is what `os.path.join` makes of the two (the documentation of `os.DirEntry.path`), and leads to it."""
    expected = os.path.join(os.fspath(written), b"a" if isinstance(written, bytes) else "a")
    with os.scandir(written) as entries:
        (entry,) = entries
    assert [expected, expected] == [entry.path, os.fspath(entry)]
    assert [1, os.stat("dir/a").st_ino] == [entry.stat().st_size, entry.inode()]


def test_below_the_prefix_as_well(root):
    """So what is too long for a path is deleted with it."""
    long = root / "dir" / ("y" * (235 - len(str(root / "dir"))))
    verbatim = f"\\\\?\\{long}"
    os.mkdir(verbatim)
    with open(f"{verbatim}/{'z' * 60}", "w"):
        pass
    with pytest.raises((FileNotFoundError, OSError)) as caught:
        shutil.rmtree(long)
    assert caught.value.winerror in {3, 145}  # from 3.13 on what is not found is passed over
    shutil.rmtree(verbatim)
    assert ["a"] == os.listdir("dir")


def test_an_error_of_rmtree_names_its_file_so(root):
    """It is below what was to be deleted."""
    with open("dir/a"), pytest.raises(PermissionError) as caught:
        shutil.rmtree("DIR")
    assert os.path.join("DIR", "a") == caught.value.filename
