"""Command lines to paste into this system's shell."""

from __future__ import annotations

import os
import shlex
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def joined(arguments: Iterable[str]) -> str:
    """Return arguments as one text, quoted where this is needed: with `"` on Windows, whose shells share that one."""
    if sys.platform == "win32":
        # Blanks are quoted by `list2cmdline`; what cmd.exe reads as its own is not.
        return " ".join(_quoted(one) for one in arguments)
    return shlex.join(arguments)


def listed(arguments: Any) -> Sequence[Any]:
    """Return the arguments of a process, which are one line on Windows, as an audit event has them."""
    if not isinstance(arguments, (str, bytes, os.PathLike)):
        found: Sequence[Any] = arguments
        return found
    if sys.platform == "win32":
        from pytest_fsfault._host.windows_api import arguments_of  # noqa: PLC0415

        return arguments_of(os.fsdecode(arguments))
    return [arguments]


def _quoted(argument: str) -> str:
    import subprocess  # noqa: PLC0415  # slow, and for who prints

    quoted = subprocess.list2cmdline([argument])
    return f'"{quoted}"' if not quoted.startswith('"') and not _PLAIN.issuperset(quoted) else quoted


_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:\\=,@+")
