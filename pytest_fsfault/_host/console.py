"""Write to standard output, which on Windows may know few characters, and whose reader may leave."""

from __future__ import annotations

import os
import sys
from errno import EINVAL, EPIPE


def say(text: str) -> None:
    """Write to standard output: what its encoding lacks as escapes, and nothing more once its reader has gone."""
    encoding = sys.stdout.encoding or "utf-8"
    try:
        sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))
        sys.stdout.flush()
    except OSError as error:
        # Windows gives EINVAL for a pipe that nobody reads any more: https://bugs.python.org/issue35754
        if error.errno not in {EPIPE, EINVAL}:
            raise
        # What is still to be written goes nowhere, also at the interpreter's end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
