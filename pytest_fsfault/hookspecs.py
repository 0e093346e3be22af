"""Extension points for other plugins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pytest

hookspec = pluggy.HookspecMarker("pytest")


@hookspec
def pytest_fsfault_profiles(config: pytest.Config) -> Mapping[str, Mapping[str, Any]]:  # type: ignore[empty-body]
    """Return profiles by name, each a mapping with the keys of ``[tool.fsfault.profiles.NAME]``.

    The keys are ``extends``, ``rules`` (a list of rule texts), ``clock`` and ``seed``. Profiles of
    `pyproject.toml` may extend them.
    """
