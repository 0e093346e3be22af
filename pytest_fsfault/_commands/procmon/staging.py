"""Try a test out under the Windows model, so that none is written that would not do what it says."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_fsfault._commands.procmon.generated import source
from pytest_fsfault._core.language.mistakes import FsFaultError
from pytest_fsfault._core.language.winerrors import error_name
from pytest_fsfault._session.inject import inject

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_fsfault._commands.procmon.scenarios import Scenario
    from pytest_fsfault._session.keywords import Keywords


class _Pytest:
    """What a test needs of pytest, so that the command does not load it."""

    @staticmethod
    @contextmanager
    def raises(kind: type[Exception]) -> Iterator[None]:
        """Fail unless the block raises."""
        try:
            yield
        except kind:
            return
        raise AssertionError


def works(scenario: Scenario) -> bool:
    """Return whether the call is refused as in the log, and succeeds once nothing is held."""
    names: dict[str, Any] = {"pytest": _Pytest}
    # Compiled under a name of its own: what stands in a file of this package is no code under test.
    exec(compile(source(scenario), "<test>", "exec"), names)  # noqa: S102  # names of the log are quoted in it
    root = tempfile.mkdtemp(prefix="fsfault-procmon-")
    rules = [scenario.rule] if scenario.rule else []
    try:
        with inject(*rules, **_keywords(scenario, root)) as fsfault:
            names["test"](Path(os.path.realpath(root)), fsfault)
            refused = {entry.fault for entry in fsfault.journal.faults}
    except (OSError, AssertionError, FsFaultError, ValueError):
        return False  # a name that this system cannot have, or a hold that is never hit
    finally:
        shutil.rmtree(root, ignore_errors=True)
    return error_name(scenario.code) in refused


def _keywords(scenario: Scenario, root: str) -> Keywords:
    if scenario.rule:
        return {"roots": [root]}
    version: str | dict[str, str | bool] = (
        "11" if scenario.posix_delete else {"version": "11", "posix_delete": False}
    )
    return {"roots": [root], "windows": version}
