"""Temporary files are on another drive than the cache (tsroten/fcache#35)."""

import pytest


@pytest.mark.fsfault(windows="11")
def test_sync(tmp_path, fsfault, monkeypatch):
    for drive in ("C", "D"):
        (tmp_path / drive).mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "C"))
    fsfault.windows().volume(tmp_path / "D")
    fsfault.windows().pretend("fcache.posixemulation")
    from fcache.cache import FileCache

    cache = FileCache("app", flag="cs", app_cache_dir=str(tmp_path / "D"))
    cache["key"] = "value"
    cache.sync()
    assert FileCache("app", app_cache_dir=str(tmp_path / "D"))["key"] == "value"
