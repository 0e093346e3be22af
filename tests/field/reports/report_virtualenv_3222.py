"""An image with a read-only file is to be deleted (pypa/virtualenv#3222)."""

import pytest
from virtualenv.util.path import safe_delete


@pytest.mark.fsfault(windows="11")
def test_delete(tmp_path, fsfault):
    fsfault.windows().pretend("virtualenv.util.path._sync")
    (tmp_path / "image").mkdir()
    (tmp_path / "image/a.py").write_text("a")
    (tmp_path / "image/a.py").chmod(0o444)
    safe_delete(tmp_path / "image")
    assert [5] == [entry.error.winerror for entry in fsfault.journal.faults]
    assert not (tmp_path / "image").exists(), fsfault.journal.faults[0].error
