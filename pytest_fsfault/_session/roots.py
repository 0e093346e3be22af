"""The watched directories: read as the user wrote them, made absolute, refused where that would hurt."""

from __future__ import annotations

import os
import sys
import tempfile
from contextlib import contextmanager
from functools import lru_cache
from pathlib import PurePath
from typing import TYPE_CHECKING

from pytest_fsfault._core.language.mistakes import FsFaultError
from pytest_fsfault._host.paths import root_forms
from pytest_fsfault._intercept.fake.filesystem import in_force
from pytest_fsfault._intercept.fake.isolation import real_files

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# pytest leaves the frames of this module out of tracebacks: they are not the user's.
__tracebackhide__ = True

_PREFIXES = {sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix}


_expected: list[bool] = []


@contextmanager
def expecting_fake(expected: bool) -> Iterator[None]:
    """Read options in the block that are for a fake file system, if there will be one."""
    _expected.append(expected)
    try:
        yield
    finally:
        _expected.pop()


def passing_directories(roots: Iterable[str]) -> tuple[str, ...]:
    """Return where everybody may write: the directories of this run, and that for temporary files, if there is one."""
    try:
        return (*roots, *default_roots())
    except FsFaultError:
        return tuple(roots)


def read_roots(roots: object) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the roots as they hold on the real file system, and as they were written."""
    given = _listed(roots)
    fake = any(_expected) or in_force() is not None
    found = [form for root in given for form in _checked(root, lenient=fake)]
    return tuple(dict.fromkeys(found)), tuple(_text(root) for root in given)


def checked_roots(roots: Iterable[str | os.PathLike[str]]) -> tuple[str, ...]:
    """Return roots as given and as their real paths, absolute; refuse those that would hurt."""
    fake = in_force()
    found = [
        form
        for root in _listed(roots)
        for form in (_checked(root) if fake is None else fake.forms(_text(root)))  # nothing real can be hit
    ]
    return tuple(dict.fromkeys(found))


def _listed(roots: object) -> list[object]:
    if isinstance(roots, (str, bytes, os.PathLike)):
        raise FsFaultError(f"roots={roots!r} is a single path; write roots=[{os.fspath(roots)!r}]")
    try:
        given: list[object] = list(roots)  # type: ignore[call-overload]  # which checks it
    except TypeError:
        raise FsFaultError(f"roots={roots!r} is not a list; write a list of directories") from None
    if not given:
        raise FsFaultError("roots=[] watches nothing, so no fault could happen; write a directory")
    return given


def _text(root: object) -> str:
    try:
        text = os.fsdecode(os.fspath(root)) if root else ""  # type: ignore[call-overload]  # which checks it
    except TypeError:
        text = ""
    if not text or "\0" in text:
        raise FsFaultError(f"{root!r} is not a path; write a directory to watch")
    return text


def default_roots() -> tuple[str, ...]:
    """Return what is watched by default: the directory for temporary files.

    Raise FsFaultError if the system has none that is writable.
    """
    try:
        with real_files():
            return tuple(dict.fromkeys(forms(tempfile.gettempdir())))
    except OSError as error:
        raise FsFaultError(f"no directory is watched by default: {error}; write roots=[...]") from None


def forms(root: str | os.PathLike[str]) -> tuple[str, str]:
    """Return a path as given and as its real path, both absolute and separated by ``/``."""
    fake = in_force()
    return _forms(root) if fake is None else fake.forms(root)


def _forms(root: str | os.PathLike[str]) -> tuple[str, str]:
    return root_forms(os.fsdecode(os.fspath(root)))


def _checked(root: object, *, lenient: bool = False) -> tuple[str, ...]:
    """Return the forms of one root; what is too much is refused, or, for a fake, left out of the real one."""
    found = _forms(_text(root))
    home = os.path.expanduser("~")
    for form in dict.fromkeys(found):
        why = _too_much(form, home)
        if why and lenient:
            return ()
        if why:
            raise FsFaultError(
                f"{found[0]!r} is not allowed as a root: it {why}; write a directory of the test's own"
            )
    return found


@lru_cache(256)
def _too_much(root: str, home_as_given: str) -> str:
    """Return why a directory must not be watched as a whole, or an empty string."""
    home = PurePath(os.path.realpath(home_as_given))
    path = PurePath(root)
    if path == path.parent:
        return "holds the whole file system"
    if home.is_relative_to(path):
        return "is the home directory" if path == home else "holds the home directory"
    if any(path in (PurePath(prefix), PurePath(os.path.realpath(prefix))) for prefix in _PREFIXES):
        return "is the prefix of the running Python"
    return ""
