"""An update succeeds while the program runs, and whatever fails, there is a program afterwards."""

import pytest

from . import buggy, fixed

pytestmark = pytest.mark.fsfault(windows="11")
OVERWRITES = pytest.mark.xfail(
    raises=PermissionError, strict=True, reason="the bug: a running program is overwritten"
)
NO_ROLLBACK = pytest.mark.xfail(raises=AssertionError, strict=True, reason="the bug: no way back")


@pytest.fixture
def exe(tmp_path, fsfault):
    (tmp_path / "tool.exe").write_text("old")
    (tmp_path / "tool.new").write_text("new")
    with fsfault.paused():
        fsfault.windows().run(tmp_path / "tool.exe")
    return tmp_path / "tool.exe"


@pytest.mark.parametrize(
    "tool", [pytest.param(buggy, marks=OVERWRITES, id="buggy"), pytest.param(fixed, id="fixed")]
)
def test_a_running_program_is_updated(tool, exe):
    """The new program is in place, although the old one is running."""
    tool.update(exe, exe.with_suffix(".new"))
    assert exe.read_text() == "new"


@pytest.mark.parametrize(
    "tool", [pytest.param(buggy, marks=NO_ROLLBACK, id="buggy"), pytest.param(fixed, id="fixed")]
)
@pytest.mark.fsfault("os.rename tool.new -> ERROR_ACCESS_DENIED", strict=False)
def test_a_failed_update_leaves_the_old_program(tool, exe):
    """The new program is being scanned, and cannot be moved: the old one is where it was."""
    with pytest.raises(PermissionError):
        tool.update_half_right(exe, exe.with_suffix(".new"))
    assert exe.is_file()
