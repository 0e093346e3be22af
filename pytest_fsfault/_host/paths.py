"""The one form of a path, in which it is compared, matched and shown, however a caller spells it.

On POSIX it is the absolute path, normalised lexically. On Windows a file has many spellings: see `windows_forms`.
"""

from __future__ import annotations

import os
import sys
from os import lstat
from stat import S_ISLNK
from typing import TYPE_CHECKING

from pytest_fsfault._core.language.roots import absolute

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_fsfault._host.windows_forms import WindowsForms

#: Whether two spellings of one path may differ by case alone.
IGNORES_CASE = sys.platform == "win32"


def _forms() -> WindowsForms | None:
    if sys.platform != "win32":
        return None
    from pytest_fsfault._host.windows_forms import FORMS  # noqa: PLC0415  # not for others, whom it would cost milliseconds

    return FORMS


#: The forms of this system, None on POSIX, where a path needs none but `absolute`.
WINDOWS_FORMS = _forms()


def one_form(path: str, directory: str) -> str:
    """Return the form of a path as seen from a directory; Windows knows its current ones by itself."""
    return absolute(path, directory) if WINDOWS_FORMS is None else WINDOWS_FORMS(path)


def root_forms(path: str) -> tuple[str, str]:
    """Return a root as given and as its real path, both in their one form."""
    if WINDOWS_FORMS is None:
        given = os.path.abspath(path)
        return given, _real(given)
    # A share of this computer is opened by its drive.
    real = WINDOWS_FORMS.anchor(os.path.realpath(WINDOWS_FORMS(path)))
    return WINDOWS_FORMS(path), real


def roots_of_another_process(roots: Iterable[str]) -> tuple[str, ...]:
    """Return roots in the form that another process has given them; their case is known here from now on, too."""
    found = tuple(roots)
    if WINDOWS_FORMS is not None:
        for root in found:
            WINDOWS_FORMS.anchor(root)
    return found


def seen_from_here(site: str) -> str:
    """Return ``"file:line"`` with the file as seen from the current directory, if it is below it."""
    try:
        relative = os.path.relpath(site)
    except (ValueError, OSError):  # another drive, or no current directory
        return site
    return site if relative.startswith("..") else relative.replace(os.sep, "/")


def _real(path: str) -> str:
    """Return the real path of an absolute one; mostly it is that itself, which this finds out in less time."""
    if path.startswith("//"):
        return os.path.realpath(path)
    try:
        place = 0
        while place >= 0:
            place = path.find("/", place + 1)
            if S_ISLNK(lstat(path[:place] if place > 0 else path).st_mode):
                return os.path.realpath(path)
    except OSError:  # not there, or not to be seen
        return os.path.realpath(path)
    return path
