"""Deletion on versions that keep a deleted file until its last handle is closed.

Sources: WINE-N, WFSP delete_pending_test, SECFS base/08; windows.md section 4.3.
"""

from __future__ import annotations

import os
import tempfile

import pytest
from skips import left_to_windows

from pytest_fsfault import inject

OLD = pytest.mark.parametrize("version", ["7", "server-2019"])
NEW = pytest.mark.parametrize("version", ["10", "11"])


def code(call, *args):
    """Return the winerror of a call, its errno if that is None, 0 if it succeeds."""
    try:
        call(*args)
    except OSError as error:
        return error.winerror or -error.errno
    return 0


@pytest.fixture
def file(tmp_path):
    """Return a file in a directory of its own."""
    (tmp_path / "d").mkdir()
    (tmp_path / "d/f").write_text("x")
    return tmp_path / "d/f"


@OLD
def test_a_deleted_file_is_listed_and_closed_to_all(version, file):
    """It is there for listings and `stat`, everything else gets 5, its directory 145."""
    with inject(windows=version, roots=[file.parents[1]], strict=False) as fsfault:
        hold = fsfault.windows().hold(file, share="rwd")
        os.remove(file)
        assert ["f"] == os.listdir(file.parent)
        assert 1 == os.stat(file).st_size
        assert not os.access(file, os.R_OK)
        calls = [
            (open, file), (open, file, "w"), (open, file, "x"), (os.remove, file), (os.mkdir, file),
            (os.rename, file, file.with_name("g")),
        ]  # fmt: skip
        assert [-13, -13, -13, 5, 5, 5] == [code(*call) for call in calls]
        assert 145 == code(os.rmdir, file.parent)
        hold.close()
        assert [] == os.listdir(file.parent)
        assert 0 == code(os.rmdir, file.parent)


@OLD
def test_an_image_or_a_mapping_stays(version, file):
    """Neither a program nor a file that is only mapped can be deleted."""
    with inject(windows=version, roots=[file.parents[1]]) as fsfault:
        for begin in (fsfault.windows().run, fsfault.windows().map):
            with begin(file):
                assert 5 == code(os.remove, file)


@OLD
@left_to_windows("what becomes of a deleted file that is open")
def test_ones_own_handle_counts(version, tmp_path):
    """A temporary file shares its deletion, and is there until it is closed."""
    with inject(windows=version, roots=[tmp_path]):
        with tempfile.NamedTemporaryFile(dir=tmp_path, delete=True) as file:
            os.remove(file.name)
            assert 5 == code(os.remove, file.name)
            with pytest.raises(PermissionError):
                open(file.name)
            file.delete = False
            file._closer.delete = False
        assert [] == os.listdir(tmp_path)


@NEW
def test_newer_versions_free_the_name_at_once(version, file):
    """The name is gone, and can be used again, while the handle lives."""
    with inject(windows=version, roots=[file.parents[1]], strict=False) as fsfault:
        with fsfault.windows().hold(file, share="rwd"):
            os.remove(file)
            assert [] == os.listdir(file.parent)
            file.write_text("new")
            os.remove(file)
            os.rmdir(file.parent)


@OLD
def test_nothing_waits_beyond_the_session(version, file):
    """What was deleted under faults is gone after them."""
    with inject(windows=version, roots=[file.parents[1]], strict=False) as fsfault:
        fsfault.windows().hold(file, share="rwd")
        os.remove(file)
    assert [] == os.listdir(file.parent)


def test_the_option_takes_the_versions_place(file):
    """`posix_delete` decides by itself."""
    with inject(roots=[file.parents[1]], strict=False) as fsfault:
        fsfault.windows("server-2019", posix_delete=True).hold(file, share="rwd")
        os.remove(file)
        assert [] == os.listdir(file.parent)
