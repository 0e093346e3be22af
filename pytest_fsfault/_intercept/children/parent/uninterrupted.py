"""Do what must be done whole in a thread of its own, since a signal handler may raise at any line of the main thread."""

from __future__ import annotations

import sys
import time
from _thread import allocate_lock, get_ident, get_native_id, start_new_thread
from typing import TYPE_CHECKING

from pytest_fsfault._host.own_threads import is_there
from pytest_fsfault._intercept.virtual_time.pollers import WAITS_FOR_WORK

if TYPE_CHECKING:
    from _thread import LockType
    from collections.abc import Callable, MutableSet

_real_sleep = time.sleep


class Uninterrupted:
    """Whole pieces of work, one after the other: who waits for one may be interrupted, it is not."""

    def __init__(self, own_threads: MutableSet[int]) -> None:
        self._own_threads = own_threads
        self._turn = allocate_lock()

    def do(self, work: Callable[[], object]) -> None:
        """Do a piece of work, and raise what it raises; where no thread can be had, it is done in this one."""
        raised: list[BaseException] = []
        native: list[int] = []
        done = allocate_lock()
        done.acquire()
        try:
            start_new_thread(self._run, (work, raised, native, done))
        except RuntimeError:
            work()
            return
        done.acquire()
        if sys.platform == "linux":
            while is_there(native[0]):
                _real_sleep(0.0001)
        if raised:
            raise raised.pop()

    def _run(
        self, work: Callable[[], object], raised: list[BaseException], native: list[int], done: LockType
    ) -> None:
        native.append(get_native_id())
        self._own_threads.add(get_ident())
        try:
            with self._turn:
                work()
        except BaseException as error:  # noqa: BLE001  # it belongs to who waits
            raised.append(error)
        finally:
            self._own_threads.discard(get_ident())
            done.release()


WAITS_FOR_WORK.add(Uninterrupted.do.__code__)
