"""An update succeeds while the program runs, and whatever fails, there is a program afterwards."""

import pytest

from . import buggy, fixed

pytestmark = pytest.mark.fsfault(windows="11")
OVERWRITES = pytest.mark.xfail(
    raises=(PermissionError, AssertionError), strict=True, reason="the bug: a running program is overwritten"
)
NO_ROLLBACK = pytest.mark.xfail(raises=AssertionError, strict=True, reason="the bug: no way back")
NAIVE = pytest.param(buggy.update, marks=OVERWRITES, id="buggy")
HALF_RIGHT = pytest.param(buggy.update_half_right, marks=NO_ROLLBACK, id="buggy-half-right")
RIGHT = pytest.param(fixed.update, id="fixed")


@pytest.fixture
def exe(tmp_path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/tool.exe").write_text("old")
    (tmp_path / "bin/tool.new").write_text("new")
    return tmp_path / "bin/tool.exe"


@pytest.mark.parametrize("update", [NAIVE, RIGHT])
def test_a_running_program_is_updated(update, exe, fsfault):
    """The new program is in place, although the old one is running."""
    with fsfault.windows().run(exe):
        update(exe, exe.with_suffix(".new"))
        assert exe.read_text() == "new"


@pytest.mark.parametrize("update", [HALF_RIGHT, RIGHT])
@pytest.mark.fsfault("os.rename tool.new -> ERROR_ACCESS_DENIED", strict=False)
def test_a_failed_update_leaves_the_old_program(update, exe, fsfault):
    """The new program is being scanned, and moving it is refused: the old one is where it was."""
    with fsfault.windows().run(exe):
        with pytest.raises(PermissionError):
            update(exe, exe.with_suffix(".new"))
        assert exe.is_file()


@pytest.mark.parametrize("update", [NAIVE, HALF_RIGHT, RIGHT])
def test_whatever_fails_there_is_a_program(update, exe, fsfault):
    """It runs while it is updated, and each step is refused in turn: the old or the new one is in place."""
    fsfault.self_replace(exe, lambda tool: update(tool, tool.with_suffix(".new")))
