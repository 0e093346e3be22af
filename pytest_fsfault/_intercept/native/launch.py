"""Say how a process is about to be started."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_fsfault._core.language.rows import Row

if TYPE_CHECKING:
    from collections.abc import Callable


class Launch(Row):
    """One start: the audit event that tells of it with its arguments, the program, and the call that does it.

    `real` gets whether nothing is asked about between the fork and the program that follows: else the child
    must not run in the memory of this process (vfork(2)). With `locks` it holds the interpreter's lock until the
    program begins, so that there would be no answer. `unfit` says why it must not be asked about at all.
    """

    event: str
    arguments: tuple[Any, ...]
    program: str | bytes | None
    real: Callable[[bool], Any]
    locks: bool = False
    unfit: str = ""
