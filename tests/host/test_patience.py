"""Files of our own that a scanner of Windows has open for a moment."""

from __future__ import annotations

import time

import pytest

from pytest_fsfault import inject
from pytest_fsfault._core.language.errors import with_winerror
from pytest_fsfault._host.patience import patiently


class Change:
    """Fail with an error so many times, and then succeed."""

    def __init__(self, error, times):
        self.error, self.left, self.asked = error, times, []

    def __call__(self, *paths):
        self.asked.append(paths)
        if self.left:
            self.left -= 1
            raise self.error


@pytest.mark.parametrize("code", [5, 32])
def test_a_refusal_passes(code):
    """What is refused now is not refused a moment later."""
    change = Change(with_winerror(13, "refused", "a", code, None), 3)
    patiently(change, "a", "b", on_windows=True)
    assert [("a", "b")] * 4 == change.asked


def test_a_refusal_that_stays_is_raised():
    """After a second, or another limit."""
    error = with_winerror(13, "refused", "a", 32, None)
    change = Change(error, 1 << 30)
    with pytest.raises(PermissionError) as caught:
        patiently(change, "a", limit=0.02, on_windows=True)
    assert caught.value is error
    assert len(change.asked) > 1


@pytest.mark.parametrize(
    ("error", "on_windows"),
    [(FileNotFoundError(2, "gone"), True), (PermissionError(13, "refused"), False)],
)
def test_anything_else_is_raised_at_once(error, on_windows):
    """Another error, and each one on another system."""
    change = Change(error, 1)
    with pytest.raises(type(error)):
        patiently(change, "a", on_windows=on_windows)
    assert 1 == len(change.asked)


def test_the_pause_is_real(tmp_path):
    """Virtual time does not pass with it, so that the code under test sees nothing."""
    with inject("os.remove -> EIO or never", roots=[tmp_path]):
        before = time.monotonic()
        patiently(Change(PermissionError(13, "refused"), 3), "a", on_windows=True)
        assert time.monotonic() - before < 0.001
