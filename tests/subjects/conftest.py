"""Environments with released installers, made once for each set of requirements."""

from __future__ import annotations

import pytest
from released import Release


@pytest.fixture(scope="session")
def release(tmp_path_factory):
    """Return a function that gives the environment with some releases."""
    made = {}

    def get(*requirements):
        if requirements not in made:
            made[requirements] = Release(tmp_path_factory.mktemp("release") / "venv", requirements)
        return made[requirements]

    return get
