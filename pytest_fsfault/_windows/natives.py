"""Say which error Windows gives where the host's own system gave one."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from pytest_fsfault._core.language.errors import native_code

if TYPE_CHECKING:
    from pytest_fsfault._core.language.operations import Operation
    from pytest_fsfault._windows.state import WindowsState


def windows_code(state: WindowsState, operation: Operation, error: OSError) -> int:
    """Return the Windows error for a native one, 2 or 3 by what is missing."""
    return native_code(operation.name, error.errno or 0, partial(_missing, state, operation))


def _missing(state: WindowsState, operation: Operation) -> int:
    for path in (operation.path, operation.target):
        if path is None:
            continue
        place = state.lookup.find(path)
        if place.parent:
            return 3
    return 2
