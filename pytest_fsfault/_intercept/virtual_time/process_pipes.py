"""What `Popen.communicate` has still to do with its pipes, between two calls of it."""

from __future__ import annotations

import select
import sys
from contextlib import suppress
from typing import Any

from pytest_fsfault._host.originals import ORIGINALS

_write = ORIGINALS["os", "write"]


def send_rest(process: Any) -> None:
    """Send what is left of the input of `communicate`, as far as its pipe takes it at once.

    CPython up to 3.14 sends it in the first call alone: "if self.stdin and input" in Lib/subprocess.py, where `input` is
    the argument of this call.
    """
    # On Windows `communicate` has threads that read and write.
    if sys.platform == "win32" or not has_rest(process):
        return
    stdin, data = process.stdin, memoryview(process._input).cast("B")
    try:
        while process._input_offset < len(data) and _is_ready(stdin, select.POLLOUT):
            part = data[process._input_offset :][: select.PIPE_BUF]
            process._input_offset += _write(stdin.fileno(), part)
    except BrokenPipeError:
        process._input_offset = len(data)  # nobody reads it any more, which is no error of `communicate`
    if process._input_offset >= len(data):
        with suppress(BrokenPipeError):
            stdin.close()


def has_rest(process: Any) -> bool:
    """Return whether there is input of `communicate` that was not sent yet."""
    return bool(getattr(process, "_input", None)) and process.stdin is not None and not process.stdin.closed


def is_waited_for(process: Any) -> bool:
    """Return whether a pipe has something to fetch, or takes what is left to send: the process may wait for that."""
    if sys.platform == "win32":
        return False
    if has_rest(process) and _is_ready(process.stdin, select.POLLOUT):
        return True
    outputs = (process.stdout, process.stderr)
    return any(pipe and not pipe.closed and _is_ready(pipe, select.POLLIN) for pipe in outputs)


def _is_ready(pipe: Any, events: int) -> bool:
    if sys.platform == "win32":
        return False  # `select` takes no pipes there
    poll = select.poll()
    poll.register(pipe, events)
    return bool(poll.poll(0))
