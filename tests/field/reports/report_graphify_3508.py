"""An atomic write within one directory meets 'not the same device' (Graphify-Labs/graphify#3508): by a rule, the cause is unknown."""

import pytest
from graphify.paths import write_text_atomic


@pytest.mark.fsfault("os.replace -> ERROR_NOT_SAME_DEVICE", windows="11")
def test_write(tmp_path):
    write_text_atomic(tmp_path / "SKILL.md", "text")
    assert (tmp_path / "SKILL.md").read_text() == "text"
