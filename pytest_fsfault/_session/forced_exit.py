"""Make a thread leave the code under test that swallows what has ended it, again and again.

`SimulatedCrash` and `RetryStorm` are raised at every later call. A loop such as ``while True: try: ... except: pass``
swallows each of them and would never end. So, after a number of calls, the exception is raised where no `try` of that
loop catches it: by a trace function, at the next line of each frame, which in an ``except`` block is outside its
`try`. A trace function that raises is unset by Python; it is set again once the exception that it raised is dropped,
which is when the block that has caught it ends, or at the next call.
"""

from __future__ import annotations

import os
import sys
import threading
import weakref
from opcode import opmap
from typing import TYPE_CHECKING

from pytest_fsfault._host.package import PACKAGE, STDLIB
from pytest_fsfault._intercept.interceptor import interceptor

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import FrameType
    from typing import Any

    from pytest_fsfault._core.engine.engine import Engine

# So often a thread may ignore that it has ended before it is made to leave.
_PATIENCE = 1_000
# So often before the whole run is given up.
_LAST = 100_000
_EXIT = 70
_PUSH_EXC_INFO = opmap["PUSH_EXC_INFO"]


def forced_exit(engines: Sequence[Engine], base: FrameType | None = None) -> ForcedExit:
    """Return a forced exit for the code under test of some sessions, once one of them has been ended."""

    def ended() -> BaseException | None:
        return next((engine.ended for engine in engines if engine.ended is not None), None)

    made = ForcedExit(ended, interceptor().callers.is_machinery, base)
    for engine in engines:
        engine.on_ignored = made.count
    return made


class ForcedExit:
    """Count how often a thread ignores its end, and make it leave.

    `ended` returns what has ended the code under test; `is_machinery` tells the modules that run the tests. Frames are
    left up to, and including, the `base`; a ``with`` statement in it, at the line where it stands now, goes on to its
    ``__exit__``.
    """

    def __init__(
        self,
        ended: Callable[[], BaseException | None],
        is_machinery: Callable[[str], bool],
        base: FrameType | None = None,
    ) -> None:
        self._ended = ended
        self._is_machinery = is_machinery
        self._base = base
        self._line = 0 if base is None else base.f_lineno
        self._ignored: dict[int, int] = {}  # how often, by thread
        self._before: dict[int, Any] = {}  # the trace function that a thread had
        self._raised: weakref.ref[BaseException] | None = None
        self._over = False

    def count(self) -> None:
        """Record that the end is about to be raised again in the calling thread."""
        me = threading.get_ident()
        ignored = self._ignored[me] = self._ignored.get(me, 0) + 1
        if self._over or ignored < _PATIENCE:
            return
        if ignored >= _LAST:
            self._give_up()
        self._arm(sys._getframe(1))

    def end(self) -> None:
        """Let the calling thread run as before: it has left the code under test."""
        self._over = True
        me = threading.get_ident()
        if me in self._before:
            sys.settrace(self._before.pop(me))

    def _arm(self, frame: FrameType | None) -> None:
        """Trace the frames of the code under test that are at work."""
        me = threading.get_ident()
        self._before.setdefault(me, sys.gettrace())
        sys.settrace(self._ignore)
        while frame is not None and not self._is_machinery(frame.f_globals.get("__name__") or ""):
            if _is_code_under_test(frame.f_code.co_filename):
                frame.f_trace = self._trace
            if frame is self._base:
                break
            frame = frame.f_back

    def _ignore(self, _frame: FrameType, _event: str, _arg: object) -> None:
        """Trace no frame that begins from now on."""

    def _trace(self, frame: FrameType, event: str, _arg: object) -> Any:
        leaving = frame is self._base and frame.f_lineno == self._line
        if event != "line" or leaving or self._over or _begins_a_handler(frame):
            return self._trace
        raise self._exception()

    def _exception(self) -> BaseException:
        ended = self._ended()
        assert ended is not None  # noqa: S101  # else it was not called
        made = type(ended)(*ended.args)
        self._raised = weakref.ref(made, self._dropped)
        return made

    def _dropped(self, _: object) -> None:
        """Go on: what was raised has been swallowed."""
        if not self._over:
            self._arm(sys._getframe(1))

    def _give_up(self) -> None:
        sentence = (
            f"fsfault: the code under test went on {_LAST:,} calls after {self._ended()!r}, swallowing it each time, "
            "and could not be made to leave; the run is ended here\n"
        )
        for stream in (sys.stderr, sys.__stderr__):
            if stream is not None:
                stream.write(sentence)
                stream.flush()
        os._exit(_EXIT)


def _begins_a_handler(frame: FrameType) -> bool:
    """Return whether the next instruction takes in an exception, as in ``with``: one raised there spoils the stack."""
    return frame.f_code.co_code[frame.f_lasti] == _PUSH_EXC_INFO


def _is_code_under_test(file: str) -> bool:
    in_stdlib = file.startswith(STDLIB) and "-packages" not in file
    return not (in_stdlib or file.startswith((PACKAGE, "<frozen ")))
