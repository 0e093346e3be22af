"""Tell which Windows error an operation meets where the host gave an errno."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from pytest_fsfault._core.language.errors import WINERRORS_OF
from pytest_fsfault._core.language.winerrors import NATIVE_DEFAULT

if TYPE_CHECKING:
    from collections.abc import Callable

#: Operations that list a directory, and those that name one.
_LISTS = frozenset({"os.listdir", "os.scandir"})
_DIRECTORIES = _LISTS | {"os.rmdir", "os.chdir"}


def native_code(operation: str, number: int, missing: Callable[[], int]) -> int:
    """Return the Windows error for a native errno of an operation.

    `missing` returns 2 or 3 by what of a path is missing; it is asked where that makes a difference.
    """
    if number == errno.ENOTDIR:
        return 267 if operation in _DIRECTORIES else 3
    if number == errno.ENOENT:
        return 3 if operation in _LISTS else missing()
    return WINERRORS_OF.get(number, NATIVE_DEFAULT)
