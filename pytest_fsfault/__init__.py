"""Make the file system say no, as Windows would, and prove that your installer survives it."""

from __future__ import annotations

from sys import modules

# `typing` and `importlib` take milliseconds, and each child process under faults loads this package.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pytest_fsfault._core.engine.endings import RetryStorm, SimulatedCrash
    from pytest_fsfault._core.engine.journal import Entry
    from pytest_fsfault._core.engine.plan import Armed
    from pytest_fsfault._core.language.errors import TRANSIENT, windows_error
    from pytest_fsfault._core.language.mistakes import FsFaultError
    from pytest_fsfault._core.language.rules import Rule
    from pytest_fsfault._host.package import __version__ as __version__
    from pytest_fsfault._prove.retries import Retry
    from pytest_fsfault._prove.tolerance import Tolerance
    from pytest_fsfault._prove.tree import Tree
    from pytest_fsfault._prove.trial import Trial
    from pytest_fsfault._session.fsfault import FsFault
    from pytest_fsfault._session.inject import inject
    from pytest_fsfault._windows.holders.holds import Hold
    from pytest_fsfault._windows.windows import Windows

__all__ = [
    "TRANSIENT",
    "Armed",
    "Entry",
    "FsFault",
    "FsFaultError",
    "Hold",
    "Retry",
    "RetryStorm",
    "Rule",
    "SimulatedCrash",
    "Tolerance",
    "Tree",
    "Trial",
    "Windows",
    "inject",
    "windows_error",
]

# Every pytest run imports this package, to load the plugin; its rooms are loaded when they are first used.
_HOMES = {
    "TRANSIENT": "_core.language.errors",
    "Armed": "_core.engine.plan",
    "Entry": "_core.engine.journal",
    "FsFault": "_session.fsfault",
    "FsFaultError": "_core.language.mistakes",
    "Hold": "_windows.holders.holds",
    "Retry": "_prove.retries",
    "RetryStorm": "_core.engine.endings",
    "Rule": "_core.language.rules",
    "SimulatedCrash": "_core.engine.endings",
    "Tolerance": "_prove.tolerance",
    "Tree": "_prove.tree",
    "Trial": "_prove.trial",
    "Unmet": "_core.engine.near_misses",  # caught as an AssertionError, unpickled by its name
    "Windows": "_windows.windows",
    "__version__": "_host.package",
    "inject": "_session.inject",
    "windows_error": "_core.language.errors",
}

_PYFAKEFS = "pyfakefs.fake_filesystem_unittest"


def _load(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415  # as above

    if _PYFAKEFS in modules:
        # A fake file system may be in force, and is not what ours are to work with.
        import_module(f"{__name__}._intercept.fake.isolation").prepare()
    found = globals()[name] = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    return found


if not TYPE_CHECKING:
    # Out of the sight of type checkers, for which it would make every misspelt name right.
    __getattr__ = _load


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
