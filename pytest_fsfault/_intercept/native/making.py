"""Make a call in the place of the native program that waits for its answer."""

from __future__ import annotations

import ctypes
import os
import platform
from typing import TYPE_CHECKING

from pytest_fsfault._host.originals import ORIGINALS
from pytest_fsfault._intercept.native.numbers import AT_FDCWD, MACHINES, SHAPES, signed

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_fsfault._intercept.native.calls import Call
    from pytest_fsfault._intercept.native.memory import Memory

_open, _close = ORIGINALS["os", "open"], ORIGINALS["os", "close"]
_DESCRIPTORS = {"fchmod": "chmod"}


class Maker:
    """Make calls in the place of the process that waits."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._numbers = MACHINES[platform.machine()][0].numbers
        self._functions: dict[str, Callable[..., int]] = {}

    def make(self, call: Call, paths: tuple[bytes, ...] | None = None) -> None:
        """Make a call whose arguments allow it, on other `paths` if there are any. Raise its OSError."""
        name = _DESCRIPTORS.get(call.syscall, call.syscall)
        shape = SHAPES[call.syscall].arguments
        ends = iter(call.given if paths is None else paths)
        arguments: list[object] = []
        for letter, value in zip(shape, call.arguments, strict=False):
            if letter == "d":
                arguments.append(AT_FDCWD)
            elif letter in "pD":
                arguments.append(next(ends))
            elif letter == "s":
                arguments.append(self._content(call))
            else:
                arguments.append(value)
        function = self._functions.get(name) or self._function(name, shape)
        if function(self._numbers[name], *arguments) < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), call.path, None, call.target)

    def _function(self, name: str, shape: str) -> Callable[..., int]:
        """Return syscall(2) for the arguments of one call."""
        found: Callable[..., int] = self._libc["syscall"]
        kinds = (ctypes.c_char_p if letter in "pDs" else ctypes.c_long for letter in shape)
        found.argtypes = (ctypes.c_long, *kinds)  # type: ignore[attr-defined]
        found.restype = ctypes.c_long  # type: ignore[attr-defined]
        self._functions[name] = found
        return found

    def _content(self, call: Call) -> bytes:
        return self._memory.text(call.task, call.arguments[0])

    def open(self, call: Call) -> None:
        """Open and close a file, as a call does that is to fail afterwards. Raise its OSError."""
        assert call.given[0] is not None  # noqa: S101  # asked before
        # Not to wait for the other end of a pipe.
        _close(_open(call.given[0], call.flags | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY, call.mode))


def is_written(task: int, descriptor: int) -> bool:
    """Return whether a descriptor of another process was opened for writing."""
    try:
        number = _open(f"/proc/{task}/fdinfo/{signed(descriptor)}", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        content: bytes = ORIGINALS["os", "read"](number, 4096)
    except OSError:
        return False
    finally:
        _close(number)
    flags = content.partition(b"flags:")[2].split()
    return bool(flags) and int(flags[0], 8) & (os.O_WRONLY | os.O_RDWR) != 0
