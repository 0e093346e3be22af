"""Say which error Windows gives where pyfakefs, as a Windows, gives one without its number."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from pytest_fsfault._core.language.errors import build, parse_error, speaks_windows, winerror_of
from pytest_fsfault._core.language.native_codes import native_code
from pytest_fsfault._core.language.operations import GROUPS, OPERATIONS

if TYPE_CHECKING:
    from pytest_fsfault._core.language.operations import Operation
    from pytest_fsfault._intercept.fake.filesystem import FakeFileSystem


def translated(fake: FakeFileSystem, operation: Operation, error: OSError) -> OSError:
    """Return the error of Windows for one of a fake Windows; a model of Windows has its own word on them."""
    kind = OPERATIONS[operation.name]
    if not fake.is_windows or speaks_windows(error) or kind.composite or not isinstance(error.errno, int):
        return error
    if fake.state.model is not None:
        return error
    found = winerror_of(error)
    code = found if isinstance(found, int) else _code(fake, operation, error.errno)
    shown = None if kind.names == "none" else operation.shown
    target = operation.shown_target if kind.names == "both" else None
    return build(parse_error(f"WinError {code}"), kind.family, shown, target)


def _code(fake: FakeFileSystem, operation: Operation, number: int) -> int:
    return _special(fake, operation, number) or native_code(
        operation.name, number, lambda: _missing(fake, operation)
    )


def _special(fake: FakeFileSystem, operation: Operation, number: int) -> int:
    """Return the error that Windows has a number of its own for, 0 if it has none."""
    if number == errno.EINVAL and operation.name == "os.readlink":
        return 4390  # no link
    moves = operation.name in GROUPS["delete"] or operation.name in GROUPS["rename"]
    return 32 if number == errno.EACCES and moves and fake.is_open(operation.path) else 0


def _missing(fake: FakeFileSystem, operation: Operation) -> int:
    """Return 3 if a directory on the way is missing, 2 if only the last name is."""
    for path in (operation.path, operation.target):
        above = "" if path is None else path.rpartition("/")[0]
        if above and not fake.is_directory(above):
            return 3
    return 2
