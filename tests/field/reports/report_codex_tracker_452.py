"""A database is renamed after `with sqlite3.connect()`, which closes nothing (douglasmonsky/codex-usage-tracker#452)."""

import os
import sqlite3

import pytest


@pytest.mark.fsfault(windows="11")
def test_staging(tmp_path):
    with sqlite3.connect(tmp_path / "db.building") as connection:
        connection.execute("create table t (x)")
    os.replace(tmp_path / "db.building", tmp_path / "db")
