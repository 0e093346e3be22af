"""pip, as released: its `replace` tries for one second, every 0.25 s, whatever the error.

`os.replace` was bound when pip was imported, and so was `time.sleep`: no patch of `os` would reach them.
"""

import pytest
from pip._internal.utils.filesystem import replace


@pytest.fixture
def files(tmp_path):
    new, old = tmp_path / "new", tmp_path / "ruff.exe"
    new.write_text("0.9", "utf-8")
    old.write_text("0.8", "utf-8")
    return new, old


@pytest.mark.parametrize(("refusals", "seconds"), [(2, 0.50), (4, 1.00)])
@pytest.mark.parametrize("error", ["ERROR_ACCESS_DENIED", "ERROR_SHARING_VIOLATION"])
@pytest.mark.fsfault
def test_pip_waits_for_a_scanner(error, refusals, seconds, files, fsfault):
    """Survive a hold of up to a second; the test takes milliseconds."""
    fsfault.add(f"os.replace -> {error} when first {refusals}")
    replace(*files)
    assert files[1].read_text("utf-8") == "0.9"
    fsfault.assert_retried("os.replace", attempts=refusals + 1)
    assert sum(fsfault.clock.slept) == seconds


@pytest.mark.fsfault("os.replace -> ERROR_SHARING_VIOLATION")
def test_pip_gives_up_after_a_second(files, fsfault):
    """Five tries in one second, then the error that happened; the old file is still there."""
    with pytest.raises(PermissionError, match="WinError 32"):
        replace(*files)
    assert files[1].read_text("utf-8") == "0.8"
    assert len(fsfault.journal.of("os.replace")) == 5
    assert fsfault.clock.slept == [0.25, 0.25, 0.25, 0.25]
