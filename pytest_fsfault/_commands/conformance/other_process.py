"""Another process, which opens a file or enters a directory on request."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import IO

_SCRIPT = """
import json, os, sys
home, held = os.getcwd(), None
for line in sys.stdin:
    order, *rest = json.loads(line)
    said = "done"
    try:
        if order == "open":
            held = open(*rest)
        elif order == "enter":
            os.chdir(*rest)
        else:
            os.chdir(home)
            if held is not None:
                held.close()
    except OSError as error:
        said = ascii(error)
    print(said, flush=True)
"""


class OtherProcess:
    """One Python process beside this one, started when it is first needed and kept until `close`."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start the process, if it does not run yet."""
        if self._process is None:
            self._process = subprocess.Popen(  # noqa: S603  # this Python and the script above
                [sys.executable, "-I", "-S", "-c", _SCRIPT],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                encoding="ascii",
                cwd=os.path.abspath(os.sep),
            )

    def open(self, path: str, mode: str) -> None:
        """Let it open a file, as Python does."""
        self._order("open", path, mode)

    def enter(self, directory: str) -> None:
        """Let a directory be its current one."""
        self._order("enter", directory)

    def release(self) -> None:
        """Let it go home and close what it has open."""
        self._order("release")

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.communicate()
            self._process = None

    def _order(self, *words: str) -> None:
        self.start()
        assert self._process is not None  # noqa: S101  # started
        _pipe(self._process.stdin).write(json.dumps(words) + "\n")
        _pipe(self._process.stdin).flush()
        said = _pipe(self._process.stdout).readline().strip()
        if said != "done":
            raise OSError(f"the other process could not {words[0]} {words[-1]!r}: {said or 'it has ended'}")


def _pipe(pipe: IO[str] | None) -> IO[str]:
    assert pipe is not None  # noqa: S101  # asked for at its start
    return pipe
