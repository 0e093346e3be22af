"""A target that is there already is written again (spotify/luigi#2975)."""

import pytest
from luigi.local_target import LocalTarget


@pytest.mark.fsfault(windows="11")
def test_write_twice(tmp_path):
    for text in ("old", "new"):
        with LocalTarget(str(tmp_path / "data.txt")).open("w") as file:
            file.write(text)
    assert (tmp_path / "data.txt").read_text() == "new"
