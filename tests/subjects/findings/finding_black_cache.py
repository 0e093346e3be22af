"""Black writes its cache while a scanner, or another black, has the old one open."""

import pytest
from black.cache import Cache
from black.mode import Mode


@pytest.mark.fsfault(windows="11")
def test_a_refused_cache_leaves_nothing_behind(tmp_path, fsfault):
    source, file = tmp_path / "source.py", tmp_path / "cache/cache.pickle"
    source.touch()
    Cache(Mode(), file).write([source])
    with fsfault.windows().hold(file):
        for _ in range(3):
            Cache(Mode(), file).write([source])
    assert [file] == list(file.parent.iterdir())
