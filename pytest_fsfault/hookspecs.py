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

    The keys are ``extends`` (the name of a profile), ``rules`` (a list of rule texts), ``windows`` (a version, or
    a mapping of ``version`` and the model's options), ``scanners`` (names, or mappings of the arguments of
    `Windows.scanner`), ``pretend`` (globs of modules), ``clock``, ``children``, ``native``, ``seed``, ``outside`` and
    ``baseline`` (a path). Profiles of `pyproject.toml` may extend them.
    """
