"""Make the file system say no, as Windows would, and prove that your installer survives it."""

from pytest_fsfault._core.endings import RetryStorm, SimulatedCrash
from pytest_fsfault._core.errors import TRANSIENT, windows_error
from pytest_fsfault._core.journal import Entry
from pytest_fsfault._core.mistakes import FsFaultError
from pytest_fsfault._core.plan import Armed
from pytest_fsfault._core.rule import Rule
from pytest_fsfault._prove.retries import Retry
from pytest_fsfault._session import FsFault, inject

__all__ = [
    "TRANSIENT",
    "Armed",
    "Entry",
    "FsFault",
    "FsFaultError",
    "Retry",
    "RetryStorm",
    "Rule",
    "SimulatedCrash",
    "inject",
    "windows_error",
]
