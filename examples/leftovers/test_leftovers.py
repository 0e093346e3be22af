"""An installation that fails leaves the cache as it was."""

import zipfile

import pytest

from . import buggy, fixed

BUG = pytest.mark.xfail(raises=AssertionError, strict=True, reason="the bug: .tmp* is left in the cache")


@pytest.fixture
def wheel(tmp_path):
    path = tmp_path / "numpy-1.26.4.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("numpy.libs/libopenblas64.dll", b"MZ")
    return path


@pytest.fixture
def cache(tmp_path):
    (tmp_path / "cache").mkdir()
    return tmp_path / "cache"


def names(directory):
    return sorted(path.relative_to(directory).as_posix() for path in directory.rglob("*"))


@pytest.mark.parametrize(
    "installer", [pytest.param(buggy, marks=BUG, id="buggy"), pytest.param(fixed, id="fixed")]
)
@pytest.mark.fsfault("os.rename **/.tmp* -> ERROR_ACCESS_DENIED")
def test_a_failure_leaves_nothing(installer, wheel, cache):
    """The rename is refused to the end: the error comes out, and the cache is empty."""
    with pytest.raises(PermissionError):
        installer.install(wheel, cache)
    assert names(cache) == []


@pytest.mark.fsfault(
    "os.rename **/.tmp* -> ERROR_ACCESS_DENIED", "os.rmdir .tmp* -> ERROR_SHARING_VIOLATION when first 2"
)
def test_the_clean_up_meets_the_scanner_too(wheel, cache, fsfault):
    """Removing the directory is tried again, and the first error is the one that comes out."""
    with pytest.raises(PermissionError, match="WinError 5"):
        fixed.install(wheel, cache)
    assert names(cache) == []
    fsfault.assert_retried("os.rmdir", attempts=3)


@pytest.mark.fsfault("os.rename **/.tmp* -> ERROR_ACCESS_DENIED when first 10")
def test_the_last_try_counts(wheel, cache):
    """After ten refusals the eleventh try succeeds, and nothing else is in the cache."""
    place = fixed.install(wheel, cache)
    assert names(cache) == [
        place.name,
        f"{place.name}/numpy.libs",
        f"{place.name}/numpy.libs/libopenblas64.dll",
    ]
