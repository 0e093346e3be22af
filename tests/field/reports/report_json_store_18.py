"""A store is saved twice: the second save meets the file of the first (brainsik/json-store#18)."""

import json_store
import pytest


@pytest.mark.fsfault(windows="11")
def test_two_syncs(tmp_path):
    store = json_store.open(str(tmp_path / "state.json"))
    for number in range(2):
        store["n"] = number
        store.sync()
    assert json_store.open(str(tmp_path / "state.json"))["n"] == 1
