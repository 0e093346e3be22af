"""Permanent errors are explained at once; passing errors are waited for."""

import pytest

from . import buggy, fixed

NO_ADVICE = pytest.mark.xfail(raises=OSError, strict=True, reason="the bug: ten seconds, then a bare error")
NO_PATIENCE = pytest.mark.xfail(raises=OSError, strict=True, reason="the bug: ENOMEM is not waited for")
FIXED = pytest.param(fixed, id="fixed")


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "unpacked"
    path.mkdir()
    return path


@pytest.mark.parametrize("installer", [pytest.param(buggy, marks=NO_ADVICE, id="buggy"), FIXED])
@pytest.mark.parametrize(
    ("error", "advice"),
    [
        pytest.param("EPERM", "the system forbids it; a sandbox may not allow renames there", id="sandbox"),
        pytest.param("EROFS", "the file system is read-only", id="read-only"),
        pytest.param(
            "EACCES", "you may not write there; does the directory belong to another user?", id="root-owned"
        ),
    ],
)
@pytest.mark.fsfault("os.access -> EACCES or never")
def test_a_permanent_error_is_explained_at_once(installer, error, advice, source, tmp_path, fsfault):
    """One try, no waiting, and a sentence that says what to look at."""
    fsfault.add(f"os.rename unpacked -> {error}")
    with pytest.raises(fixed.InstallError) as caught:
        installer.move_into_place(source, tmp_path / "ruff")
    assert str(caught.value) == f"cannot create {tmp_path / 'ruff'}: {advice}"
    fsfault.assert_not_retried("os.rename")
    assert fsfault.clock.slept == []


@pytest.mark.parametrize("installer", [pytest.param(buggy, marks=NO_PATIENCE, id="buggy"), FIXED])
@pytest.mark.fsfault("os.rename unpacked -> ENOMEM when first 2")
def test_a_lack_of_memory_passes(installer, source, tmp_path, fsfault):
    """WSL1 reports ENOMEM for a moment."""
    installer.move_into_place(source, tmp_path / "ruff")
    fsfault.assert_retried("os.rename", attempts=3, within=0.031)


@pytest.mark.fsfault("os.rename unpacked -> EACCES when first 3")
def test_a_busy_directory_passes(source, tmp_path, fsfault):
    """WSL1 reports EACCES while a scanner reads below the directory, which we may write."""
    fixed.move_into_place(source, tmp_path / "ruff")
    fsfault.assert_retried("os.rename", attempts=4, within=0.071)
