"""The rename into the cache survives a scanner, and ends if the scanner does not."""

import zipfile

import pytest

from . import buggy, fixed

BUG = pytest.mark.xfail(raises=PermissionError, strict=True, reason="the bug: no second try")


@pytest.fixture
def wheel(tmp_path):
    path = tmp_path / "numpy-1.26.4.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("numpy.libs/libopenblas64.dll", b"MZ")
        archive.writestr("numpy/__init__.py", "")
    return path


@pytest.fixture
def cache(tmp_path):
    (tmp_path / "cache").mkdir()
    return tmp_path / "cache"


@pytest.mark.parametrize(
    "installer", [pytest.param(buggy, marks=BUG, id="buggy"), pytest.param(fixed, id="fixed")]
)
@pytest.mark.fsfault("os.rename to **/archive-v0/* -> ERROR_ACCESS_DENIED when first 3")
def test_a_scanner_delays_the_rename(installer, wheel, cache, fsfault):
    """The wheel is in the cache after three refusals, and 10 + 20 + 40 ms."""
    place = installer.install(wheel, cache)
    assert (place / "numpy.libs/libopenblas64.dll").read_bytes() == b"MZ"
    fsfault.assert_retried("os.rename", attempts=4, within=0.071)


@pytest.mark.fsfault("os.rename to **/archive-v0/* -> ERROR_ACCESS_DENIED")
def test_a_scanner_that_stays_ends_it(wheel, cache, fsfault):
    """After eleven tries and 10.23 s the error is the one that happened."""
    with pytest.raises(PermissionError, match=r"^\[WinError 5\] Access is denied: ") as caught:
        fixed.install(wheel, cache)
    assert caught.value.winerror == 5
    assert fsfault.retries("os.rename")[0].attempts == 11
    assert fsfault.clock.now == pytest.approx(10.23, abs=0.1)
