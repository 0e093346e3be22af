"""A checkout goes with its objects."""

import pytest

from . import buggy, fixed

BUG = pytest.mark.xfail(raises=PermissionError, strict=True, reason="the bug: read-only files stay")


@pytest.mark.fsfault(windows="11")
@pytest.mark.parametrize(
    "tool", [pytest.param(buggy, marks=BUG, id="buggy"), pytest.param(fixed, id="fixed")]
)
def test_git_objects(tool, tmp_path):
    """They are read-only."""
    objects = tmp_path / "checkout/.git/objects"
    objects.mkdir(parents=True)
    (objects / "4b825dc").write_bytes(b"x")
    (objects / "4b825dc").chmod(0o444)
    tool.remove(tmp_path / "checkout")
    assert not (tmp_path / "checkout").exists()


@pytest.mark.fsfault(windows="11")
def test_a_file_in_use_is_no_read_only_one(tmp_path, fsfault):
    """A file that is open is left as it is, and the error is the one that happened."""
    (tmp_path / "checkout").mkdir()
    (tmp_path / "checkout/index").touch()
    fsfault.windows().hold(tmp_path / "checkout/index")
    with pytest.raises(PermissionError) as caught:
        fixed.remove(tmp_path / "checkout")
    assert caught.value.winerror == 32
