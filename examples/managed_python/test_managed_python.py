"""The first run succeeds, too."""

import pytest

from . import buggy, fixed

BUG = pytest.mark.xfail(raises=PermissionError, strict=True, reason="the bug: no second try")


@pytest.mark.fsfault(windows="11")
@pytest.mark.parametrize(
    "installer", [pytest.param(buggy, marks=BUG, id="buggy"), pytest.param(fixed, id="fixed")]
)
def test_a_fresh_python_is_scanned(installer, tmp_path, fsfault):
    """`python.exe` is held for a second from the moment in which it is written."""
    windows = fsfault.windows()
    windows.hold(on="python.exe", share="rwd", seconds=1)
    (tmp_path / "temporary").mkdir()
    (tmp_path / "temporary/python.exe").write_bytes(b"MZ")
    assert (installer.place(tmp_path / "temporary", tmp_path) / "python.exe").exists()
    fsfault.assert_retried("os.rename", within=1.6)
