"""A database is made anew while an earlier object has it open (simonw/sqlite-utils#394)."""

import pytest
import sqlite_utils


@pytest.mark.fsfault(windows="11")
def test_recreate(tmp_path):
    first = sqlite_utils.Database(tmp_path / "data.db")
    first["t"].insert({"a": 1})
    second = sqlite_utils.Database(tmp_path / "data.db", recreate=True)
    assert second.table_names() == [] and first
