"""The newest root metadata have a symbolic link (theupdateframework/python-tuf#2980)."""

from types import SimpleNamespace

import pytest
from tuf.ngclient.updater import Updater


@pytest.mark.fsfault(windows="11")
def test_link(tmp_path, fsfault):
    (tmp_path / "root_history").mkdir()
    (tmp_path / "root_history/1.root.json").write_text("root")
    updater = Updater.__new__(Updater)
    updater._dir = str(tmp_path)
    updater._trusted_set = SimpleNamespace(root=SimpleNamespace(version=1))
    updater._update_root_symlink()
    assert "root" == (tmp_path / "root.json").read_text()
    assert [1314] == [entry.error.winerror for entry in fsfault.journal.faults]
