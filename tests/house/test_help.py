"""What `help` shows of the classes that users hold is for users: each name of theirs stands in the reference."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pytest_fsfault import FsFault, Trial, Windows

REFERENCE = "\n".join(
    path.read_text("utf-8") for path in sorted((Path(__file__).parents[2] / "docs/reference").glob("*.md"))
)


@pytest.mark.parametrize("kind", [FsFault, Windows, Trial])
def test_a_public_name_is_for_users(kind):
    """A method that only the package itself calls is no part of a class that users hold."""
    names = [name for name in dir(kind) if not name.startswith("_")]
    assert [] == [name for name in names if not re.search(rf"\b{name}\b", REFERENCE)]


@pytest.mark.parametrize("kind", [FsFault, Windows, Trial])
def test_a_public_name_says_what_it_is(kind):
    """Each has a sentence, which `help` shows."""
    names = [name for name in dir(kind) if not name.startswith("_")]
    assert [] == [name for name in names if not (getattr(kind, name).__doc__ or "").strip()]
