"""A lock is released while another thread reads whose it is (tox-dev/filelock#477)."""

import pytest
from filelock import SoftFileLock


@pytest.mark.fsfault(windows="11")
def test_release(tmp_path, fsfault):
    fsfault.windows().pretend("filelock._soft")
    lock = SoftFileLock(tmp_path / "a.lock")
    lock.acquire()
    fsfault.windows().hold(tmp_path / "a.lock", seconds=0.2, by="another thread")
    lock.release()
    assert {32} == {entry.error.winerror for entry in fsfault.journal.faults}
    assert not (tmp_path / "a.lock").exists(), fsfault.journal.faults[-1].error
