"""Normalise paths without asking the disk, and tell which are below a root.

All paths here are absolute, normalised lexically (links are not resolved) and separated by ``/``.
"""

from __future__ import annotations

import os
import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import ModuleType

#: How a root is named, as seen from itself.
ROOT = "."
_DEVICE_PREFIX = r"//[?.]/(?=[A-Za-z]:/)"
_UNC_PREFIX = r"//[?.]/(?i:UNC)/"


def absolute(path: str, cwd: str, flavour: ModuleType = os.path) -> str:
    """Return `path` as seen from `cwd`: absolute, without ``.``, ``..`` and doubled separators.

    `flavour` is `posixpath` or `ntpath`. On Windows the prefix that lifts the limit of 260 characters goes.
    """
    # Most paths come normalised, and every intercepted call comes here.
    if flavour.sep == "/" and path.startswith("/") and not ("//" in path or "/." in path or path[-1] == "/"):
        return path
    found: str = flavour.normpath(flavour.join(cwd, path))
    if flavour.sep == "/":
        return found[1:] if found.startswith("//") else found
    return without_prefix(found.replace("\\", "/"))


def below_root(path: str, roots: Iterable[str], ignore_case: bool = False) -> str | None:
    """Return `path` as seen from its innermost root, empty for the root itself; None outside all roots."""
    found = _roots_regex(tuple(roots), ignore_case).match(path)
    return path[found.end() :] if found else None


def within(path: str, roots: Iterable[str], ignore_case: bool = False) -> bool:
    """Return whether `path` is one of the `roots` or below one."""
    return _roots_regex(tuple(roots), ignore_case).match(path) is not None


def within_test(roots: Iterable[str]) -> Callable[[str], object]:
    """Return `within` for the same roots again and again."""
    return _roots_regex(tuple(roots), False).match


@lru_cache(maxsize=64)
def _roots_regex(roots: tuple[str, ...], ignore_case: bool) -> re.Pattern[str]:
    return re.compile(tops(roots), flags(ignore_case))


def tops(roots: Iterable[str]) -> str:
    """Return the regex of the start of a path: one of the `roots`."""
    # The longest comes first, so that the innermost root is the one that is found.
    longest = sorted({root.rstrip("/") for root in roots}, key=len, reverse=True)
    return f"{choice(map(re.escape, longest))}(?:/|\\Z)"


def without_prefix(path: str) -> str:
    """Return a path of Windows, separated by ``/``, without ``//?/`` or ``//./``; a device other than a drive keeps it."""
    if not path.startswith("//"):
        return path
    return re.sub(_UNC_PREFIX, "//", re.sub(_DEVICE_PREFIX, "", path, count=1), count=1)


def choice(bodies: Iterable[str]) -> str:
    """Return the regex of any of several, which matches nothing where there is none."""
    ways = list(bodies)
    return f"(?:{'|'.join(ways)})" if ways else "(?!)"


def flags(ignore_case: bool) -> re.RegexFlag:
    """Return the flags of every regex for paths."""
    return re.DOTALL | re.IGNORECASE if ignore_case else re.DOTALL


def uncounted(below: str) -> str:
    """Return a path as seen from its root without the number that ends its first name."""
    name, slash, rest = below.partition("/")
    return name.rstrip("0123456789") + slash + rest
