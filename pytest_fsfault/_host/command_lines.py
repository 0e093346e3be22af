"""Command lines to paste into this system's shell."""

from __future__ import annotations

import shlex
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def joined(arguments: Iterable[str]) -> str:
    """Return arguments as one text, quoted where this is needed: with `"` on Windows, whose shells share that one."""
    if sys.platform == "win32":
        # Blanks are quoted by `list2cmdline`; what cmd.exe reads as its own is not.
        return " ".join(_quoted(one) for one in arguments)
    return shlex.join(arguments)


def _quoted(argument: str) -> str:
    quoted = subprocess.list2cmdline([argument])
    return f'"{quoted}"' if not quoted.startswith('"') and not _PLAIN.issuperset(quoted) else quoted


_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:\\=,@+")
