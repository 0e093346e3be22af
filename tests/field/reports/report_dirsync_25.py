"""A read-only file that is gone from the source is purged from the target (tkhyn/dirsync#25)."""

import pytest
from dirsync import sync


@pytest.mark.fsfault(windows="11")
def test_purge(tmp_path, fsfault):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    (tmp_path / "b/old.txt").write_text("x")
    (tmp_path / "b/old.txt").chmod(0o444)
    sync(str(tmp_path / "a"), str(tmp_path / "b"), "sync", purge=True)
    assert not (tmp_path / "b/old.txt").exists(), fsfault.journal.faults[-1].error
