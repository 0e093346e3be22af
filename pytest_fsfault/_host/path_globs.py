"""Read globs that are arguments of the user's, in the one form that paths have on this system."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_fsfault._core.language.globs import compile_glob, in_form
from pytest_fsfault._core.language.path_arguments import read_glob
from pytest_fsfault._host.paths import WINDOWS_FORMS

if TYPE_CHECKING:
    from pytest_fsfault._core.language.globs import Glob


def read_path_glob(name: str, path: object, ignore_case: bool) -> Glob | None:
    """Return the glob that the argument `name` is; None if there is none. A wrong one raises FsFaultError."""
    pattern = read_glob(name, path)
    if pattern is None:
        return None
    return compile_glob(pattern if WINDOWS_FORMS is None else in_form(pattern, WINDOWS_FORMS), ignore_case)
