"""Functions of one path: `stat`, `remove`, `os.open` and their like."""

from __future__ import annotations

import os
import sys
from _thread import get_ident
from sys import _getframe
from typing import TYPE_CHECKING, Any

from pytest_fsfault._core.engine.status import check_available, check_path
from pytest_fsfault._intercept.calls.arguments import Ends, ends_of
from pytest_fsfault._intercept.calls.paths import REAL_PATHS
from pytest_fsfault._intercept.calls.wrapper import MEMORY, UNKNOWN, Wrapper
from pytest_fsfault._intercept.patching.tracebacks import hide_frames
from pytest_fsfault._intercept.virtual_time.file_stamps import (
    NOT_SEEN,
    as_clock_shows,
    in_virtual_time,
    listed,
    rest_of,
    set_explicitly,
    shown,
)
from pytest_fsfault._intercept.virtual_time.scope import ACTIVE

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_fsfault._core.engine.interfaces import FastPath
    from pytest_fsfault._intercept.calls.functions import InterceptedFunction


# Of the functions of a path those that take a descriptor as well, on this system.
_TAKE_DESCRIPTORS = frozenset(os.supports_fd)


class PathWrapper(Wrapper):
    """A function whose first argument is a path or a descriptor."""

    __slots__ = ()

    def _template(self, function: InterceptedFunction) -> Callable[..., Any]:
        if function.function in _SPECIAL:
            return _SPECIAL[function.function]
        if function.function == "open":
            return PathWrapper._os_open
        return PathWrapper._audited if function.event else PathWrapper._silent

    # The five are alike, since nothing may be shared on this path that costs a call. `stat` and its like
    # raise no audit event: what a wrapper announced would stay, and shield a later call that has not been
    # decided. Arguments that are named reach a builtin much faster than those in a tuple and a dictionary.
    # Hot: the way of a call that no rule concerns, in one function so that nothing is called.
    def _os_open(self, path: Any, flags: Any, mode: Any = 0o777, *, dir_fd: Any = None) -> Any:  # noqa: C901  # as said above
        state = self.state
        if not state.live:
            return self.real(path, flags, mode, dir_fd=dir_fd)
        if type(path) is str:
            watched = self.undecided.get(path)
        else:
            path, watched = self.of_object(path)
        if watched is None:
            watched = self.classify(path)
        if dir_fd is not None:
            watched = None
        if watched is False or (watched and self.fast_path is None):
            if watched:
                self.calls += 1
            state.announced = path
            try:
                # An absolute path needs no directory.
                return self.real(path, flags, mode)
            except Exception as error:
                if not self.failed(error, watched):
                    raise
                watched = None
        try:
            if watched:
                return self.fast(self.fast_path, path, (flags, mode), {}, flags)
            return self.slow((path, flags, mode), {"dir_fd": dir_fd})
        except BaseException as error:
            hide_frames(error)
            raise

    # Hot: the way of a call that no rule concerns, in one function so that nothing is called.
    def _silent(self, path: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: C901  # as said above
        if not self.state.live:
            return self.real(path, *args, **kwargs)
        if type(path) is str:
            watched = self.undecided.get(path)
        else:
            path, watched = self.of_object(path)
        if watched is None:
            watched = self.classify(path)
        if watched is not None:
            if watched:
                self.calls += 1
            try:
                if watched and self.show is not None:
                    return self.show(self.real(path, *args, **kwargs), path)
                if args or kwargs:
                    return self.real(path, *args, **kwargs)
                return self.real(path)
            except Exception as error:
                if not self.failed(error, watched):
                    raise
        try:
            return self.slow((path, *args), kwargs)
        except BaseException as error:
            hide_frames(error)
            raise

    # Hot: the way of a call that no rule concerns, in one function so that nothing is called.
    def _audited(self, path: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: C901  # as said above
        if not self.state.live:
            return self.real(path, *args, **kwargs)
        if type(path) is str:
            watched = self.undecided.get(path)
        else:
            path, watched = self.of_object(path)
        if watched is None:
            watched = self.classify(path)
        if watched is False or (watched and self.fast_path is None):
            if watched:
                self.calls += 1
                if kwargs and self.state.show is not None:
                    check_available(self.function.function, kwargs)
            self.state.announced = path
            try:
                if args or kwargs:
                    return self.real(path, *args, **kwargs)
                return self.real(path)
            except Exception as error:
                if not self.failed(error, watched):
                    raise
                watched = None
        try:
            if watched:
                return self.fast(self.fast_path, path, args, kwargs)
            return self.slow((path, *args), kwargs)
        except BaseException as error:
            hide_frames(error)
            raise

    # Hot: the way of a call that no rule concerns, in one function so that nothing is called.
    def _stat(self, path: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: C901, PLR0912  # as said above
        if not self.state.live:
            return self.real(path, *args, **kwargs)
        if type(path) is str:
            watched = self.undecided.get(path)
        else:
            path, watched = self.of_object(path)
        if watched is None:
            watched = self.classify(path)
        if watched is not None:
            if watched:
                self.calls += 1
                if kwargs and self.show is not None:
                    check_available(self.function.function, kwargs)
            try:
                result = self.real(path, *args, **kwargs) if args or kwargs else self.real(path)
                start, changed = ACTIVE.stamps_from, result.st_ctime_ns
                if (changed >= start or result.st_atime_ns >= start) and (scope := ACTIVE.scope) is not None:
                    caller = _getframe().f_back
                    name = None if caller is None else caller.f_globals.get("__name__")
                    # Whether it is known that the caller lives by the clock.
                    lives = type(name) is str and name in scope.living and get_ident() == scope.main
                    if lives:
                        times = changed, result.st_mtime_ns, result.st_atime_ns
                        known = scope.seen.get(path, NOT_SEEN)
                        is_same = known[1] == times and result == known[0] and rest_of(result) == known[2]
                        result = known[3] if is_same else as_clock_shows(result, times, scope, path)
                    else:
                        result = in_virtual_time(result, caller, path)
                return self.show(result, path) if watched and self.show is not None else result
            except Exception as error:
                if not self.failed(error, watched):
                    raise
        try:
            return shown(self.slow((path, *args), kwargs))
        except BaseException as error:
            hide_frames(error)
            raise

    def _utime(
        self, path: Any, times: Any = None, *, ns: Any = None, dir_fd: Any = None, follow_symlinks: Any = True
    ) -> Any:
        named = {"ns": ns, "dir_fd": dir_fd, "follow_symlinks": follow_symlinks}
        given = {name: value for name, value in named.items() if value is not _UTIME_DEFAULTS[name]}
        try:
            result = self._audited(path, *(() if times is None else (times,)), **given)
        except BaseException as error:
            hide_frames(error)
            raise
        set_explicitly(path, times, ns, dir_fd, follow_symlinks=follow_symlinks)
        return result

    # Hot: the way of a call that no rule concerns, in one function so that nothing is called.
    def _optional(self, path: Any = None) -> Any:  # noqa: C901  # as said above
        if path is None:
            path = "."  # the current directory, which needs a name for the audit hook to know it by
        if not self.state.live:
            return listed(self.real(path))
        if type(path) is str:
            watched = self.undecided.get(path)
        else:
            path, watched = self.of_object(path)
        if watched is None:
            watched = self.classify(path)
        if watched is False or (watched and self.fast_path is None):
            if watched:
                self.calls += 1
            self.state.announced = path
            try:
                return listed(self.real(path))
            except Exception as error:
                if not self.failed(error, watched):
                    raise
                watched = None
        try:
            if watched:
                return listed(self.fast(self.fast_path, path, (), {}))
            return listed(self.slow((path,), {}))
        except BaseException as error:
            hide_frames(error)
            raise

    def fast(
        self,
        fast_path: FastPath | None,
        path: str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        *told: Any,
    ) -> Any:
        """Make a call under a model that may have nothing to say; `told` is what else a call reports."""
        if kwargs and self.state.show is not None:
            check_available(self.function.function, kwargs)
        if fast_path is not None and fast_path.before(path, *told):
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
        return self.slow((path, *args), kwargs)

    # Hot: tells for each path whether a rule may concern it, in one function.
    def classify(self, path: Any) -> bool | None:
        """Judge a path that is not in memory: as in `undecided`, or None if it needs the slow way.

        What `is_plain` and `remember` do, at once: loops over many files come here for each.
        """
        state, concerned = self.state, self.concerned_paths
        if type(path) is not str or self.guarded or (concerned and path in concerned):
            return None
        folder, _, name = path.rpartition("/")
        # Behind a folder that is known comes a name; it is neither empty nor starts with a dot.
        if state.show is not None or folder not in state.folders or name <= "/":
            watched = self.is_plain(path)
            if not watched:
                return None if watched is None else self.remember(path, False)
            if path not in state.top_roots and len(state.folders) < MEMORY:
                state.folders.add(folder)
        test = self._tests[0] if self._tests is not UNKNOWN else self.tests()[0]
        if test is not None and test(path):
            self.keep_concerned(path, path)
            return None
        self.note_path(path)
        undecided = self.undecided
        if len(undecided) >= MEMORY:
            undecided.clear()
        undecided[path] = True
        return True

    # Hot: the whole way of a call that a rule may concern, in one function.
    def slow(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:  # noqa: C901  # as said above
        """Resolve the path; ask the engines if a rule may concern it."""
        path = args[0]
        if type(path) is str and path in self.concerned_paths:
            if self.state.show is not None and not self.kind.composite:
                check_available(self.function.function, kwargs)
            found = self.describe(Ends(path, path), args, kwargs)
            return self._by_itself(path, args, kwargs) if found is None else self.execute(found, args, kwargs)
        try:
            ends = ends_of(self.function, args, kwargs, REAL_PATHS)
        except TypeError:
            ends = None  # the function says it itself
        where = None if ends is None else ends.path
        if isinstance(path, int) and self.real not in _TAKE_DESCRIPTORS:
            where = None  # refused by the function itself
        # shutil's functions keep a path object, since they hand it to their callbacks.
        if ends is not None and not (isinstance(path, int) or self.kind.composite):
            args = (ends.shown, *args[1:])
        if self.guarded and ends is not None and where is not None:
            self.refuse_outside(ends, args, kwargs)
        if ends is None or where is None or not self.state.watched(where):
            if where is not None:
                self.pass_by(where, path)
            return self.direct(args, kwargs, watched=False)
        if self.state.show is not None and not self.kind.composite:
            check_path(self.function.function, path)
            check_available(self.function.function, kwargs)
        test = self.tests()[0]
        operation = None
        if (test is not None and test(where)) or self.asks_model(path):
            operation = self.describe(ends, args, kwargs)
        if operation is None:
            return self._by_itself(where, args, kwargs)
        return self.execute(operation, args, kwargs)

    def _by_itself(self, where: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Make a call below a root of which the engines need not be asked."""
        self.calls += 1
        self.note_path(where)
        result, show = self.direct(args, kwargs), self.show
        # A descriptor is nothing that a model is asked about.
        ours = show is not None and isinstance(args[0], int) and self.state.callers.locate(sys._getframe())
        return show(result, None) if ours and show is not None else result

    def pass_by(self, where: str, path: Any) -> None:
        """Take note of a path that is not watched."""
        self.note_outside(where)
        if type(path) is str and os.path.isabs(path) and not self.guarded:
            self.remember(path, False)

    def asks_model(self, path: Any) -> bool:
        """Return whether a model of Windows has to be asked, once a call takes the long way."""
        return self.state.model is not None and not isinstance(path, int) and not self.kind.composite


_UTIME_DEFAULTS = {"ns": None, "dir_fd": None, "follow_symlinks": True}
_SPECIAL: dict[str, Callable[..., Any]] = {
    "listdir": PathWrapper._optional,
    "scandir": PathWrapper._optional,
    "stat": PathWrapper._stat,
    "lstat": PathWrapper._stat,
    "utime": PathWrapper._utime,
}
