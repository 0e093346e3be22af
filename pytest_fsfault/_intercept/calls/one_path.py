"""Functions of one path: `stat`, `remove`, `os.open` and their like."""

from __future__ import annotations

import os
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

from pytest_fsfault._core.engine.execution import Action
from pytest_fsfault._core.language.operations import Temporary, flag_groups
from pytest_fsfault._host.originals import ORIGINALS
from pytest_fsfault._intercept.calls.state import resolve
from pytest_fsfault._intercept.calls.wrapper import UNKNOWN, Wrapper, respell
from pytest_fsfault._intercept.patching.callers import is_named_temporary

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_fsfault._core.engine.interfaces import FastPath
    from pytest_fsfault._core.language.operations import Operation
    from pytest_fsfault._intercept.calls.functions import InterceptedFunction

# pytest leaves the frames of this module out of tracebacks: they are not the user's.
__tracebackhide__ = True


#: The argument after the path that says more about the operation.
_DETAILS = {"os.open": "flags", "os.access": "mode", "os.chmod": "mode", "os.truncate": "length"}


def told_flags(flags: Any) -> Any:
    """Return the flags of an `os.open`, which tell of a temporary file if they are those of one."""
    new = isinstance(flags, int) and flags & os.O_CREAT and flags & os.O_EXCL
    return Temporary(flags) if new and is_named_temporary(sys._getframe()) else flags


class PathWrapper(Wrapper):
    """A function whose first argument is a path or a descriptor."""

    __slots__ = ()

    def _template(self, row: InterceptedFunction) -> Callable[..., Any]:
        if row.function in {"listdir", "scandir"}:
            return PathWrapper._optional
        if row.function == "open":
            return PathWrapper._os_open
        return PathWrapper._audited if row.event else PathWrapper._silent

    # The three are alike, since nothing may be shared on this path that costs a call. `stat` and its like
    # raise no audit event: what a wrapper announced would stay, and shield a later call that nobody has
    # decided. Arguments that are named reach a builtin much faster than those in a tuple and a dictionary.
    def _os_open(self, path: Any, flags: Any, mode: Any = 0o777, *, dir_fd: Any = None) -> Any:
        state = self.state
        if not state.live:
            return self.real(path, flags, mode, dir_fd=dir_fd)
        watched = self.quiet.get(path) if type(path) is str else None
        if watched is None:
            watched = self.visit(path)
            if watched is None:
                __tracebackhide__ = True
                return self.slow(path, (flags, mode), {"dir_fd": dir_fd})
        if watched:
            if self.fast_path is not None:
                __tracebackhide__ = True
                return self._eased_descriptor(self.fast_path, path, flags, mode)
            self.calls += 1
        state.announced = path
        try:
            # An absolute path needs no directory.
            return self.real(path, flags, mode)
        except Exception as error:
            if not self.failed(error, watched):
                raise
        __tracebackhide__ = True
        return self.slow(path, (flags, mode), {"dir_fd": dir_fd})

    def _silent(self, path: Any, *args: Any, **kwargs: Any) -> Any:
        if not self.state.live:
            return self.real(path, *args, **kwargs)
        watched = self.quiet.get(path) if type(path) is str else None
        if watched is None:
            watched = self.visit(path)
            if watched is None:
                __tracebackhide__ = True
                return self.slow(path, args, kwargs)
        if watched:
            self.calls += 1
        try:
            if args or kwargs:
                return self.real(path, *args, **kwargs)
            return self.real(path)
        except Exception as error:
            if not self.failed(error, watched):
                raise
        __tracebackhide__ = True
        return self.slow(path, args, kwargs)

    def _audited(self, path: Any, *args: Any, **kwargs: Any) -> Any:
        if not self.state.live:
            return self.real(path, *args, **kwargs)
        watched = self.quiet.get(path) if type(path) is str else None
        if watched is None:
            watched = self.visit(path)
            if watched is None:
                __tracebackhide__ = True
                return self.slow(path, args, kwargs)
        if watched:
            if self.fast_path is not None:
                __tracebackhide__ = True
                return self.fast(self.fast_path, path, args, kwargs)
            self.calls += 1
        self.state.announced = path
        try:
            if args or kwargs:
                return self.real(path, *args, **kwargs)
            return self.real(path)
        except Exception as error:
            if not self.failed(error, watched):
                raise
        __tracebackhide__ = True
        return self.slow(path, args, kwargs)

    def fast(self, fast_path: FastPath, path: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Make a call under a model that may have nothing to say."""
        __tracebackhide__ = True
        if fast_path.before(path):
            self.calls += 1
            self.state.announced = path
            try:
                result = self.real(path, *args, **kwargs)
            except Exception as error:
                if not self.failed(error, True):
                    raise
            else:
                fast_path.after(path)
                return result
        return self.slow(path, args, kwargs)

    def _eased_descriptor(self, fast_path: FastPath, path: str, flags: Any, mode: Any) -> Any:
        """Open a file under a model that may have nothing to say."""
        __tracebackhide__ = True
        if fast_path.before(path, flags):
            self.calls += 1
            self.state.announced = path
            try:
                result = self.real(path, flags, mode)
            except Exception as error:
                if not self.failed(error, True):
                    raise
            else:
                fast_path.after(path)
                return result
        return self.slow(path, (flags, mode), {})

    def _optional(self, path: Any = None) -> Any:
        # Without an argument it is the current directory, which needs a name for the audit hook to know it by.
        __tracebackhide__ = True
        return self._audited("." if path is None else path)

    def visit(self, path: Any) -> bool | None:
        """Judge a path that is not in memory: as in `quiet`, or None if it needs the slow way."""
        if type(path) is not str or (watched := self.plain(path)) is None:
            return None
        if watched:
            test = self._tests[0] if self._tests is not UNKNOWN else self.tests()[0]
            if test is not None and test(path):
                return None
        return self.remember(path, watched)

    def slow(self, path: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Resolve the path; ask the engines if a rule may concern it."""
        __tracebackhide__ = True
        try:
            where, shown = resolve(path, kwargs.get("dir_fd"))
        except TypeError:
            return self.direct(path, partial(self.real, path, *args, **kwargs), None)
        if isinstance(path, int) and self.real not in os.supports_fd:
            where = None  # refused by the function itself
        # shutil's functions keep a path object, since they hand it to their callbacks.
        given = path if isinstance(path, int) or self.kind.composite else shown
        call = partial(self.real, given, *args, **kwargs)
        watched = where is not None and self.state.watched(where)
        if where is None or not watched:
            if where is not None:
                self.note_stray(where)
                if type(path) is str and os.path.isabs(path):
                    self.remember(path, False)
            return self.direct(given, call, None)
        test = self.tests()[0]
        operation = None
        if (test is not None and test(where)) or self.asks_model(path):
            detail = self.detail(args, kwargs)
            operation = self.operate(self.groups(args, kwargs), where, shown, detail=detail)
        if operation is None:
            self.calls += 1
            self.note(where)
            return self.direct(given, call, where)
        act = Action(
            partial(self.direct, given, call, None),
            self.discard,
            at=partial(self.elsewhere, where, given, args, kwargs),
        )
        return self.answer(operation, act)

    def asks_model(self, path: Any) -> bool:
        """Return whether a model of Windows has to be asked, once a call takes the long way."""
        return self.state.model is not None and not isinstance(path, int) and not self.kind.composite

    def elsewhere(
        self,
        asked: str,
        given: Any,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        path: str,
        _target: object,
    ) -> Any:
        """Make the real call at the place that a model has found."""
        __tracebackhide__ = True
        there = respell(given, asked, path)
        kwargs = {**kwargs, "dir_fd": None} if "dir_fd" in kwargs else kwargs
        return self.direct(there, partial(self.real, there, *args, **kwargs), None)

    def detail(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Return the flags, the mode or the length that a call has."""
        name = _DETAILS.get(self.operation)
        if name is None:
            return None
        given = kwargs.get(name, args[0] if args else None)
        return told_flags(given) if self.operation == "os.open" and self.state.model is not None else given

    def direct(self, first: Any, call: Callable[[], Any], watched: str | None) -> Any:
        """Make the real call."""
        __tracebackhide__ = True
        self.announce(first)
        try:
            return call()
        except Exception as error:
            self.native(error, watched is not None)
            raise

    def answer(self, operation: Operation, act: Action) -> Any:
        """Ask the engines; a refused `access` answers False, as it does on Windows."""
        __tracebackhide__ = True
        if self.operation != "os.access":
            return self.execute(operation, act)
        try:
            return self.execute(operation, act)
        except OSError:
            return False

    def groups(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> frozenset[str]:
        """Return the groups that this very call belongs to."""
        if self.operation != "os.open":
            return self.kind.groups
        flags = kwargs.get("flags", args[0] if args else 0)
        return flag_groups(flags) if isinstance(flags, int) else self.kind.groups

    def discard(self, result: Any) -> None:
        """Give back what a call produced whose caller never sees it."""
        if self.operation == "os.open":
            ORIGINALS["os", "close"](result)
        elif self.operation == "os.scandir":
            result.close()
