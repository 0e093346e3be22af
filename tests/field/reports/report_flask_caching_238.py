"""An entry that has expired is deleted while it is open (pallets-eco/flask-caching#238)."""

import pytest
from flask_caching.backends import filesystemcache


@pytest.mark.fsfault(windows="11")
def test_expired(tmp_path, fsfault, caplog):
    cache = filesystemcache.FileSystemCache(str(tmp_path))
    cache.set("key", "value", timeout=1)
    fsfault.clock.sleep(5)
    assert cache.get("key") is None
    assert not caplog.records, caplog.text
    assert not cache.has("key")
