"""Start a process under a filter: a filter belongs to a thread, and what that thread starts inherits it.

So each start has a thread of its own, which does nothing else: under the filter it must call nothing that is
asked about while it holds the interpreter's lock, since the answering thread would wait for that lock.
"""

from __future__ import annotations

import gc
import platform
from _thread import allocate_lock, get_native_id, start_new_thread
from typing import TYPE_CHECKING, Any

from pytest_fsfault._intercept.native.notify import Installer
from pytest_fsfault._intercept.native.numbers import MACHINES
from pytest_fsfault._intercept.virtual_time.pollers import WAITS_FOR_WORK

if TYPE_CHECKING:
    from collections.abc import Callable


def _nobody(_listener: int) -> None:
    """Ignore a listener."""


class Start:
    """One start: `function` is called in a thread that has the filter `code`, and its outcome is kept.

    `listening` gets the descriptor of the listener before `function` is called, in that thread: it may wake
    a thread up, and no more. The thread has the signal mask of the one that makes it, as the child would have.
    """

    def __init__(
        self, code: bytes, function: Callable[[], Any], listening: Callable[[int], object] | None = None
    ) -> None:
        self._installer = Installer(MACHINES[platform.machine()][0].numbers["seccomp"], code)
        self._function = function
        self.listening = listening or _nobody
        self._over = allocate_lock()
        self._result: Any = None
        self._error: BaseException | None = None
        self.listener = -1
        self.native = 0  # the thread, by the system's number
        self.failure: int | None = None  # the errno, if the filter could not be installed: nothing was called
        self.killable = True

    def run(self) -> Any:
        """Return what the function returns, or raise what it raises.

        A signal's handler that raises meanwhile is heard when it is over: what has been started has a number that
        the caller must get.
        """
        self._over.acquire()
        enabled = gc.isenabled()
        # Whatever is collected in that thread would do its last calls there.
        gc.disable()
        interruption: BaseException | None = None
        try:
            start_new_thread(self._work, ())
            interruption = self._wait()
        finally:
            if enabled:
                gc.enable()
        if interruption is not None:
            raise interruption
        if self._error is not None:
            raise self._error
        return self._result

    def _wait(self) -> BaseException | None:
        interruption = None
        while True:
            try:
                self._over.acquire()
            except BaseException as error:  # noqa: BLE001  # a handler's, raised once the start is over
                interruption = interruption or error
            else:
                return interruption

    def _work(self) -> None:
        self.native = get_native_id()
        try:
            try:
                self.listener = self._installer.install()
            except OSError as error:
                self.failure = error.errno
                return
            self.killable = self._installer.killable
            self.listening(self.listener)
            self._result = self._function()
        except BaseException as error:  # noqa: BLE001  # the caller's, who waits for it
            self._error = error.with_traceback(None)
        finally:
            self._over.release()


WAITS_FOR_WORK.add(Start._wait.__code__)
