"""What is told of a run as a whole: under what it was, on what, and how to have it again."""

from __future__ import annotations

import platform
import sys
from typing import TYPE_CHECKING, Any

import pytest

from pytest_fsfault._host.command_lines import joined
from pytest_fsfault._host.package import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_fsfault._session.ambient import Ambient


def run_facts(settings: Ambient, seed: int, arguments: str, words: Iterable[str]) -> dict[str, Any]:
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
        "scanners": [dict(scanner.arguments) for scanner in profile.scanners],
        "command": joined(["pytest", *map(str, words)]),
        "arguments": arguments,
        "replay_of": None,
    }
