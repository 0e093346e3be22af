"""The facts of a run as a whole: its settings, its system, and how to repeat it."""

from __future__ import annotations

import platform
import sys
from typing import TYPE_CHECKING, Any

import pytest

from pytest_fsfault._host.command_lines import joined
from pytest_fsfault._host.package import __version__
from pytest_fsfault._windows.holders import scanners

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_fsfault._session.ambient import Ambient
    from pytest_fsfault._session.profile import ScannerChoice


def run_facts(
    settings: Ambient, seed: int, arguments: str, words: Iterable[str], policies: list[dict[str, Any]]
) -> dict[str, Any]:
    """Return the facts of a run: `arguments` reproduce it, `words` are those with which it was called."""
    profile = settings.profiles[settings.profile]
    return {
        "profile": settings.profile,
        "rules": [str(rule) for rule in settings.rules],
        "seed": seed,
        "versions": {
            "pytest-fsfault": __version__,
            "pytest": pytest.__version__,
            "python": platform.python_version(),
        },
        "platform": sys.platform,
        "windows": None if profile.windows is None else profile.windows.version,
        "scanners": _scanners((*profile.scanners, *settings.scanners)),
        "policies": policies,
        "command": joined(["pytest", *map(str, words)]),
        "arguments": arguments,
    }


def _scanners(choices: Iterable[ScannerChoice]) -> list[dict[str, object]]:
    """Return what is known of scanners: all that are known by name, and those that the run has made itself."""
    made = [scanners.scanner(**choice.keywords) for choice in choices]
    published = {name: scanners.scanner(name) for name in scanners.NAMES}
    others = [one for one in made if one != published.get(one.name)]
    return scanners.facts([one.name for one in made if one not in others], others)
