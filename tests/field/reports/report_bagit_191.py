"""A bag is made while a scanner reads the files: the temporary directory is renamed to 'data' (LibraryOfCongress/bagit-python#191)."""

import bagit
import pytest


@pytest.mark.fsfault(windows="11")
def test_bag(tmp_path, fsfault):
    fsfault.windows().scanner("defender", hold="2s", on="*")
    (tmp_path / "bag").mkdir()
    (tmp_path / "bag/film.mkv").write_bytes(b"...")
    bagit.make_bag(str(tmp_path / "bag"))
