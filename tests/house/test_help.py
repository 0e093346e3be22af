"""What `help` shows of the classes that users hold is for users: each name of theirs stands in the reference."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pytest_fsfault import FsFault, Trial, Windows
from pytest_fsfault._session.profile_keys import KEYS
from pytest_fsfault.hookspecs import pytest_fsfault_profiles

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


def test_the_hook_names_all_keys_of_a_profile():
    """A plugin's author reads there what a profile may have."""
    assert [] == [key for key in KEYS if f"``{key}``" not in pytest_fsfault_profiles.__doc__]
