"""The page of the scanners says what their table says."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

import pytest_fsfault

ROOT = Path(__file__).parents[2]
TABLE = tomllib.loads(
    (Path(pytest_fsfault.__file__).parent / "_windows/holders/scanners.toml").read_text("utf-8")
)["scanners"]
SECTIONS = dict(
    re.findall(
        r"^## `(\w+)`\n(.*?)(?=^## |\Z)",
        (ROOT / "docs/reference/scanners.md").read_text("utf-8"),
        re.MULTILINE | re.DOTALL,
    )
)


def test_the_page_has_each_scanner():
    """It has those of the table, and no others."""
    assert list(TABLE) == list(SECTIONS)


@pytest.mark.parametrize("name", TABLE)
def test_a_scanner_is_described_as_it_acts(name):
    """Its program, files, times, share mode, what was measured, and the sources."""
    scanner, text = TABLE[name], SECTIONS[name]
    assert scanner["process"] in text
    assert all(f"`{glob}`" in text for glob in scanner["on"].split(","))
    assert f"for `{scanner['hold']}`, sharing `{scanner['share']}`" in text
    assert ("at once" if "0ms" == scanner["delay"] else f"{scanner['delay']} after they were closed") in text
    assert scanner["note"] in text
    assert f"Sources: {scanner['source']}." in text
