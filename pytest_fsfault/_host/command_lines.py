"""Command lines to paste into this system's shell."""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# What a terminal takes as an order, or hides.
_CONTROL = r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\udc80-\udcff]"


def joined(arguments: Iterable[str]) -> str:
    """Return arguments as one text, quoted where this is needed: with `"` on Windows, whose shells share that one."""
    if sys.platform == "win32":
        # Blanks are quoted by `list2cmdline`; what cmd.exe reads as its own is not.
        return " ".join(_quoted(one) for one in arguments)
    return " ".join(map(_quoted_for_posix, arguments))


def _quoted_for_posix(argument: str) -> str:
    """Return an argument as a shell takes it; control characters as bash and zsh read them, and no terminal does."""
    if argument.isprintable() or not re.search(_CONTROL, argument):
        import shlex  # noqa: PLC0415  # for who prints a line

        return shlex.quote(argument)
    escaped = argument.replace("\\", "\\\\").replace("'", "\\'")
    return f"$'{re.sub(_CONTROL, _octal, escaped)}'"


def _octal(found: re.Match[str]) -> str:
    return "".join(f"\\{byte:03o}" for byte in found[0].encode("utf-8", "surrogateescape"))


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
    """Return an argument as Windows' shells take it; none of them reads escapes, so control characters only show."""
    # Slow, and for who prints.
    import subprocess  # noqa: PLC0415

    from pytest_fsfault._core.language.legible import legible  # noqa: PLC0415

    quoted = subprocess.list2cmdline([legible(argument)])
    if quoted.startswith('"') or _PLAIN.issuperset(quoted):
        return quoted
    # Before a quote a backslash counts as an escape (CommandLineToArgvW).
    final = len(quoted) - len(quoted.rstrip("\\"))
    return f'"{quoted}{final * chr(92)}"'


_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:\\=,@+")
