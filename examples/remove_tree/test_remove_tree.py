"""A tree that was just written goes, although others still look at it."""

import pytest

from . import buggy, fixed

BUG = pytest.mark.xfail(raises=OSError, strict=True, reason="the bug: no second try")
BOTH = pytest.mark.parametrize(
    "installer", [pytest.param(buggy, marks=BUG, id="buggy"), pytest.param(fixed, id="fixed")]
)
pytestmark = pytest.mark.fsfault(windows="11")


@BOTH
def test_a_scanner_reads_a_file(installer, tmp_path, fsfault):
    """It lets go after a second and a half."""
    fsfault.windows().scanner(hold="1.5s", on="*.dll")
    (tmp_path / "numpy.data").mkdir()
    (tmp_path / "numpy.data/numpy.dll").write_bytes(b"MZ")
    installer.remove(tmp_path / "numpy.data")
    assert not (tmp_path / "numpy.data").exists()


@BOTH
def test_another_process_is_in_a_directory(installer, tmp_path, fsfault):
    """The indexer holds `__pycache__` for a moment, without sharing its deletion."""
    cache = tmp_path / "numpy" / "__pycache__"
    cache.mkdir(parents=True)
    fsfault.windows().hold(cache, share="rw", seconds=0.5)
    installer.remove(tmp_path / "numpy")
    assert not (tmp_path / "numpy").exists()
