"""Open a test's session for the call of the test, and for nothing around it."""

from __future__ import annotations

import functools
import inspect
import re
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from pytest_fsfault._session.session import Session


class Gates:
    """The gates of one pytest run.

    Args:
        session_of: returns the session of an item, None if it has none.
        fail: ends a test with a message and no traceback.

    """

    def __init__(self, session_of: Callable[[Any], Session | None], fail: Callable[[str], Any]) -> None:
        self._session_of = session_of
        self._fail = fail
        self._held: AbstractContextManager[object] | None = None
        #: The items that are being called, the innermost last.
        self.calling: list[Any] = []
        #: The item that was called last.
        self.called: Any = None
        #: The item whose call is under way, with or without a session: what is reported of it now are parts of it.
        self.amid: Any = None
        #: When, by `time.perf_counter`.
        self.began = 0.0

    @contextmanager
    def call(self, item: Any) -> Iterator[None]:
        """Open the gate for the block, in which the test may ask for its session; then judge the test."""
        __tracebackhide__ = True
        try:
            self.began = time.perf_counter()
            self.amid = item
            self.calling.append(item)
            self._open(item)
            yield
        except BaseException as error:
            self._explain(item, error)
            raise
        finally:
            try:
                self._leave(item)
            except BaseException:
                self._leave(item)  # a signal handler may have cut it off
                raise
        session = self._session_of(item)
        if session is not None:
            self._verify(item, session)

    def _leave(self, item: Any) -> None:
        if self.calling and self.calling[-1] is item:
            self.called = self.calling.pop()
        self.amid = self.calling[-1] if self.calling else None
        self._shut(item)

    def directory(self) -> str | None:
        """Return the directory of the test that is being called: its `tmp_path`, or a new one; None outside tests."""
        if not self.calling:
            return None
        item = self.calling[-1]
        there = getattr(item, "funcargs", {}).get("tmp_path")
        if there is None:
            factory = getattr(item.config, "_tmp_path_factory", None)
            there = None if factory is None else factory.mktemp(_portable(item.name))
        return None if there is None else str(there)

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Shut the gate of the test that is being called for the block."""
        item = self.calling[-1]
        try:
            self._shut(item)
            yield
        finally:
            try:
                self._open(item)
            except BaseException:
                self._open(item)  # as above
                raise

    def _open(self, item: Any) -> None:
        session = self._session_of(item)
        if session is not None:
            session.open()

    def _shut(self, item: Any) -> None:
        session = self._session_of(item)
        if session is not None:
            session.close()

    def _explain(self, item: Any, error: BaseException) -> None:
        session = self._session_of(item)
        # Who skips a test, or means to fail it as expected, needs no explanation.
        if session is not None and type(error).__name__ not in {"Skipped", "XFailed", "Exit"}:
            session.explain(error)

    def _verify(self, item: Any, session: Session) -> None:
        __tracebackhide__ = True
        try:
            session.verify()
        except AssertionError as error:
            message, session.verdict = str(error), type(error).__name__
        else:
            return
        # The failure is located where the last visible frame is: in the test, not in the machinery around it.
        line = (item.location[1] or 0) + 1
        code = compile("\n" * (line - 1) + "fail(message)", str(item.path), "exec")
        exec(code, {"fail": self._fail, "message": message})  # noqa: S102  # a text of ours

    def is_method_of_testcase(self, item: Any) -> bool:
        """Return whether `item` is a test method of a `unittest.TestCase`."""
        unittest = sys.modules.get("unittest")
        return unittest is not None and isinstance(getattr(item, "instance", None), unittest.TestCase)

    @contextmanager
    def method(self, item: Any) -> Iterator[None]:
        """Open the gate for the test method alone, not for setUp, tearDown and clean-ups."""
        if self._session_of(item) is None:
            self.amid = item
            try:
                yield
            finally:
                self.amid = None
            return
        method = item.obj

        @functools.wraps(method)
        def gated(*args: Any, **kwargs: Any) -> Any:
            with self.call(item):
                return method(*args, **kwargs)

        @functools.wraps(method)
        async def gated_async(*args: Any, **kwargs: Any) -> Any:
            with self.call(item):
                return await method(*args, **kwargs)

        if inspect.iscoroutinefunction(method):
            # pytest leaves these to unittest, which looks the method up on the instance.
            setattr(item.instance, item.name, gated_async)
            try:
                yield
            finally:
                delattr(item.instance, item.name)
            return
        item.obj = gated
        try:
            yield
        finally:
            item.obj = method

    def hold(self, aside: AbstractContextManager[object]) -> None:
        """Enter `aside`, unless that was done before: a debugger that enters twice may leave once."""
        if self._held is None:
            self._held = aside
            aside.__enter__()

    def release(self) -> None:
        """Undo a `hold`, if there is one."""
        held, self._held = self._held, None
        if held is not None:
            held.__exit__(None, None, None)


def _portable(name: str) -> str:
    """Return the name of a test as one of a directory, as pytest does for `tmp_path`."""
    return re.sub(r"\W", "_", name)[:30]
