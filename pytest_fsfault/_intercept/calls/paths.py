"""Read paths and descriptors as the real file system does."""

from __future__ import annotations

import os
from typing import Any

from pytest_fsfault._core.language.roots import absolute
from pytest_fsfault._host.descriptors import is_writable, path_of_descriptor
from pytest_fsfault._host.originals import getcwd
from pytest_fsfault._host.paths import WINDOWS_FORMS, one_form

#: Before a path it says that the path is taken as it is written, however long it is.
#: Source: Microsoft, "Naming Files, Paths, and Namespaces".
VERBATIM = "\\\\?\\"


# Hot: each path that a wrapper does not know yet is resolved by it, so that the steps stand in one function.
def resolve(path: Any, directory: int | None = None, /) -> tuple[str | None, Any]:
    """Return a path argument as an absolute path, and as an error shows it.

    `path` is what the caller passed: str, bytes, path-like or a descriptor; `directory` is a ``dir_fd``. The
    absolute path is None where there is none to tell.

    Raises:
        TypeError: as the real function would, for an object that is not a path.

    """
    if isinstance(path, int):
        found = path_of_descriptor(path)
        return (found if found and os.path.isabs(found) else None), path
    shown = os.fspath(path)
    text = os.fsdecode(shown)
    if "\0" in text:
        return None, shown
    if WINDOWS_FORMS is not None:
        return WINDOWS_FORMS(text), shown  # no function of Windows takes a `dir_fd`
    if "\\" in text and REAL_PATHS.knows_verbatim:
        # What stands behind the first one is below what stands before it: else it would be beside a root.
        text = text.removeprefix(VERBATIM).replace("\\", "/\\", 1)
    if os.path.isabs(text):
        return absolute(text, ""), shown
    base = _current_directory() if directory is None else path_of_descriptor(directory)
    return (absolute(text, base) if base else None), shown


def _current_directory() -> str | None:
    try:
        return getcwd()
    except OSError:  # it has been deleted
        return None


class RealPaths:
    """The real file system, for who reads the arguments of a call."""

    knows_temporary = True
    # Whether a path of the host may have Windows' prefix, and its separators: while it passes for Windows.
    knows_verbatim = False
    resolve = staticmethod(resolve)
    absolute = staticmethod(one_form)
    writes = staticmethod(is_writable)


REAL_PATHS = RealPaths()
