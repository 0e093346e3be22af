"""Name what a call meets: an error, a delay, a short transfer, or a crash."""

from __future__ import annotations

import errno
import re
from typing import Literal

from pytest_fsfault._core.language.errors import ErrorName, parse_error
from pytest_fsfault._core.language.mistakes import nearest
from pytest_fsfault._core.language.rows import Row
from pytest_fsfault._core.language.tokens import (
    RuleSyntaxError,
    Words,
    duration,
    duration_text,
    located,
    read_whole,
    size,
    size_text,
)
from pytest_fsfault._core.language.winerrors import NAMES

# pytest leaves the frames of this module out of tracebacks: they are not the user's.
__tracebackhide__ = True

_EXAMPLES = "a fault such as 'ERROR_ACCESS_DENIED', 'delay 250ms', 'short 512' or 'crash'"
_KEYWORDS = ("delay", "short", "crash")
# How errors begin where Python and other languages print them: `[Errno 13]`, `[WinError 5]`, `error 5`.
_AS_PRINTED = r"(?i)\[?(?:errno|win_?error|error)"


class Fault(Row):
    """What happens to a call.

    `error` is what an ``"error"`` raises, and what a ``"short"`` raises once it has transferred `size`
    bytes (None: it returns them); with `after` the operation is done first. A ``"delay"`` takes `seconds`.
    """

    kind: Literal["error", "delay", "short", "crash"]
    error: ErrorName | None = None
    after: bool = False
    seconds: float = 0.0
    size: int = 0

    @staticmethod
    def parse(text: str) -> Fault:
        """Return the fault that `text` describes, such as ``"EACCES after"``."""
        return read_whole(text, "fault", read_fault, may_follow, _EXAMPLES)

    def __str__(self) -> str:
        if self.kind == "error":
            return f"{self.error} after" if self.after else str(self.error)
        if self.kind == "delay":
            return f"delay {duration_text(self.seconds)}"
        if self.kind == "short":
            return f"short {size_text(self.size)}" + (f" then {self.error}" if self.error else "")
        return "crash"


def read_fault(words: Words) -> Fault:
    """Read a fault and leave what follows it."""
    keyword = words.next.text
    if keyword in _KEYWORDS:
        words.take("a fault")
    if keyword == "delay":
        fault = Fault("delay", seconds=_read_duration(words))
    elif keyword == "short":
        fault = _read_short(words)
    elif keyword == "crash":
        fault = Fault("crash")
    else:
        return Fault("error", _read_error(words, _EXAMPLES), after=words.accept("after"))
    if words.next.text == "after":
        hint = f"; it goes with an error, and {str(fault)!r} is none"
        raise RuleSyntaxError("'after' has no meaning", words.next.column, hint)
    return fault


def starts_fault(word: str) -> bool:
    """Return whether a fault may begin with a word."""
    return word in _KEYWORDS or word == "WinError" or word in NAMES or word in errno.errorcode.values()


def may_follow(fault: Fault) -> tuple[str, ...]:
    """Return the words that may still go on with `fault`."""
    if fault.kind == "error" and not fault.after:
        return ("after",)
    return ("then",) if fault.kind == "short" and not fault.error else ()


def _read_duration(words: Words) -> float:
    return located(duration, *words.take("a duration such as '250ms' after 'delay'"))


def _read_short(words: Words) -> Fault:
    length = located(size, *words.take("a size such as '512' or '4KiB' after 'short'"))
    error = _read_error(words, "an error such as 'ENOSPC' after 'then'") if words.accept("then") else None
    return Fault("short", error, size=length)


def _read_error(words: Words, expected: str) -> ErrorName:
    name, column = words.take(expected)
    if name.lower() == "winerror":
        name += " " + words.take("a number such as 32 after 'WinError'").text
    elif name == "os" and words.next.text == "error":  # as Rust prints it
        words.take("'error'")
        name += f" error {words.next.text}"
    elif re.fullmatch(_AS_PRINTED, name) and words.next.text.strip("]").isdecimal():
        name += f" {words.next.text}"
    # Names of errors are in capitals: what resembles a keyword is one, misspelt.
    elif name in _KEYWORDS:
        raise RuleSyntaxError(f"{name!r} is not a valid error name", column, f"; expected {expected}")
    elif name.islower():
        hint = nearest(name, [*_KEYWORDS, *NAMES, *errno.errorcode.values()])
        raise RuleSyntaxError(f"unknown fault {name!r}", column, hint or f"; expected {expected}")
    return located(parse_error, name, column)
