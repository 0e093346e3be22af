"""A backslash is a separator for Windows, also right behind a root."""

import os
import shutil

import pytest

from pytest_fsfault import inject

pytestmark = pytest.mark.skipif(os.name == "nt", reason="left to Windows: it knows by itself")


@pytest.fixture
def root(tmp_path):
    """Return a directory in which nothing stands, alone in another one."""
    root = tmp_path / "root"
    root.mkdir()
    return root


@pytest.fixture
def windows(root):
    """Switch a model on below a root."""
    with inject(roots=[root], windows="11", strict=False):
        yield str(root)


def test_what_stands_behind_it_is_below_the_root(root, windows):
    """It is made there, found there, and nothing is made beside the root."""
    os.mkdir(f"{windows}\\d")
    with open(f"{windows}\\d\\a", "w") as file:
        file.write("x")
    assert (["a"], 1, True) == (
        os.listdir(f"{windows}\\d"),
        os.stat(f"{windows}/d\\a").st_size,
        os.path.exists(f"{windows}\\d/a"),
    )
    os.rename(f"{windows}/d/a", f"{windows}\\b")
    os.replace(f"{windows}\\b", f"{windows}/c")
    shutil.rmtree(f"{windows}\\d")
    assert ["c"] == os.listdir(root)
    assert [root.name] == os.listdir(root.parent)


def test_what_another_has_open_is_refused(root, windows):
    """As by the other spelling."""
    with open(root / "a", "w"), pytest.raises(PermissionError) as caught:
        os.remove(f"{windows}\\a")
    assert 32 == caught.value.winerror


def test_without_a_model_it_is_part_of_a_name(root):
    """So it is on the host."""
    with inject(roots=[root], strict=False):
        (root / "a\\b").touch()
        assert ["a\\b"] == os.listdir(root)
