"""An entry of a cache is replaced while another thread reads it (pallets-eco/cachelib#85)."""

import pytest
from cachelib.file import FileSystemCache


@pytest.mark.fsfault(windows="11")
def test_set_while_read(tmp_path, fsfault, caplog):
    cache = FileSystemCache(str(tmp_path / "cache"))
    assert cache.set("key", "old")
    fsfault.windows().hold(cache._get_filename("key"), access="r", share="rw", seconds=0.3)
    fsfault.windows().pretend("cachelib.*")
    done = cache.set("key", "new")
    assert not caplog.records, caplog.records[0].exc_info[1]
    assert done and cache.get("key") == "new"
