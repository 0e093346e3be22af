"""Read a path that a user passes as an argument: a glob as in a rule, or a `Path` object for one file."""

from __future__ import annotations

import ntpath
import os
import posixpath
from pathlib import PurePath, PurePosixPath

from pytest_fsfault._core.language.globs import canonical, escape, has_drive
from pytest_fsfault._core.language.mistakes import FsFaultError
from pytest_fsfault._core.language.roots import absolute, without_prefix
from pytest_fsfault._core.language.tokens import RuleSyntaxError

# pytest leaves the frames of this module out of tracebacks: they are not the user's.
__tracebackhide__ = True


def read_glob(name: str, path: object) -> str | None:
    """Return the canonical glob for the argument `name`: the one written, or that of a `Path` object's very file."""
    if path is None:
        return None
    literal = without_prefix(path.as_posix()) if isinstance(path, PurePath) else path
    if isinstance(literal, os.PathLike):
        literal = os.fspath(literal)
    if not isinstance(literal, str):
        raise FsFaultError(f"{name}={path!r} must be a glob such as '*.exe', or a Path object for one file")
    if literal is not path:
        # A path with a drive stays one, so that a rule for Windows can be written anywhere.
        posix = type(path) is PurePosixPath and literal.startswith("/")
        flavour = ntpath if has_drive(literal) else posixpath if posix else os.path
        return escape(absolute(literal, os.getcwd(), flavour))
    try:
        return canonical(literal)
    except RuleSyntaxError as error:
        raise error.of(name, literal) from None
