"""Say which Windows error an operation meets where the host gave one of its own."""

from __future__ import annotations

import errno
from functools import partial
from typing import TYPE_CHECKING

from pytest_fsfault._core.language.native_codes import native_code

if TYPE_CHECKING:
    from pytest_fsfault._core.language.operations import Operation
    from pytest_fsfault._windows.state import WindowsState


def windows_code(state: WindowsState, operation: Operation, error: OSError) -> int:
    """Return the Windows error for a native one, 2 or 3 by what is missing."""
    by_descriptor = operation.name == "os.truncate" and not isinstance(operation.shown, (str, bytes))
    if by_descriptor and error.errno == errno.EINVAL and operation.detail >= 0:
        return 5  # it is not for writing: UCRT lowio/chsize.cpp
    return native_code(operation.name, error.errno or 0, partial(_missing_code, state, operation))


def _missing_code(state: WindowsState, operation: Operation) -> int:
    paths = [path for path in (operation.path, operation.target) if path is not None]
    return 3 if any(state.lookup.find(path).parent for path in paths) else 2
