"""Functions from one path to another: `rename`, `replace`, links and copies."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, Any

from pytest_fsfault._core.engine.execution import Action
from pytest_fsfault._intercept.calls.state import resolve
from pytest_fsfault._intercept.calls.wrapper import MEMORY, UNKNOWN, Wrapper, respell

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_fsfault._core.engine.interfaces import FastPath
    from pytest_fsfault._intercept.calls.functions import InterceptedFunction

# pytest leaves the frames of this module out of tracebacks: they are not the user's.
__tracebackhide__ = True


class TwoPathWrapper(Wrapper):
    """A function from one path to another."""

    __slots__ = ()

    def _template(self, row: InterceptedFunction) -> Callable[..., Any]:
        return TwoPathWrapper._move if row.event == "os.rename" else TwoPathWrapper._call

    def _move(self, src: Any, dst: Any, *, src_dir_fd: Any = None, dst_dir_fd: Any = None) -> Any:
        state = self.state
        if not state.live:
            return self.real(src, dst, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)
        known = self.quiet.get(src) if type(src) is str else None
        # A pair's memory is the source's last target: retries and loops meet the same pair again.
        watched = known[1] if known is not None and known[0] == dst else self.visit(src, dst)
        if watched is None:
            __tracebackhide__ = True
            return self.slow(src, dst, (), {"src_dir_fd": src_dir_fd, "dst_dir_fd": dst_dir_fd})
        if watched:
            if self.fast_path is not None:
                __tracebackhide__ = True
                return self.fast(self.fast_path, src, dst)
            self.calls += 1
        state.announced = src
        try:
            # Absolute paths need no directories.
            return self.real(src, dst)
        except Exception as error:
            if not self.failed(error, watched):
                raise
        __tracebackhide__ = True
        return self.slow(src, dst, (), {"src_dir_fd": src_dir_fd, "dst_dir_fd": dst_dir_fd})

    def fast(self, fast_path: FastPath, src: str, dst: str) -> None:
        """Move a file under a model that may have nothing to say."""
        __tracebackhide__ = True
        if fast_path.before(src, dst):
            self.calls += 1
            self.state.announced = src
            try:
                self.real(src, dst)
            except Exception as error:
                if not self.failed(error, True):
                    raise
            else:
                fast_path.after(src, dst)
                return
        self.slow(src, dst, (), {})

    def _call(self, src: Any, dst: Any, *args: Any, **kwargs: Any) -> Any:
        if not self.state.live:
            return self.real(src, dst, *args, **kwargs)
        known = self.quiet.get(src) if type(src) is str else None
        watched = known[1] if known is not None and known[0] == dst else self.visit(src, dst)
        if watched is None:
            __tracebackhide__ = True
            return self.slow(src, dst, args, kwargs)
        if watched:
            self.calls += 1
        if self.event is not None:
            self.state.announced = src
        try:
            if args or kwargs:
                return self.real(src, dst, *args, **kwargs)
            return self.real(src, dst)
        except Exception as error:
            if not self.failed(error, watched):
                raise
        __tracebackhide__ = True
        return self.slow(src, dst, args, kwargs)

    def visit(self, src: Any, dst: Any) -> bool | None:
        """Judge a pair that is not in memory: as in `quiet`, or None if it needs the slow way.

        What `plain`, `concerned` and `remember` do, at once: loops over many files come here for each.
        """
        if type(src) is not str or type(dst) is not str:
            return None
        folder, _, name = src.rpartition("/")
        target_folder, _, target_name = dst.rpartition("/")
        folders = self.state.folders
        # Behind a folder that is known comes a name; it is neither empty nor starts with a dot.
        if not (folder in folders and target_folder in folders and name > "/" and target_name > "/"):
            watched = self._judge(src, dst)
            if not watched:
                return None if watched is None else self.remember(src, False, dst)
        of_source, of_target = self._tests if self._tests is not UNKNOWN else self.tests()
        if (of_source is not None and of_source(src)) or (of_target is not None and of_target(dst)):
            return None
        self.note(src)
        quiet = self.quiet
        if len(quiet) >= MEMORY:
            quiet.clear()
        quiet[src] = (dst, True)
        return True

    def _judge(self, src: str, dst: str) -> bool | None:
        """Return whether one of the paths is watched, None if it takes a closer look; note their folders."""
        source, target = self.plain(src), self.plain(dst)
        if source is None or target is None:
            return None
        if source and target:
            state = self.state
            folders = {os.path.dirname(path) for path in (src, dst) if path not in state.top_roots}
            if len(state.folders) < MEMORY:
                state.folders.update(folders)
        return source or target

    def concerned(self, src: str, dst: str) -> bool:
        """Return whether a rule may concern the pair; never a wrong no."""
        of_source, of_target = self.tests()
        return bool((of_source and of_source(src)) or (of_target and of_target(dst)))

    def slow(self, src: Any, dst: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Resolve both paths; ask the engines if a rule may concern them."""
        __tracebackhide__ = True
        try:
            source, shown = self.resolve_source(src, dst, kwargs)
            target, shown_target = resolve(dst, kwargs.get("dst_dir_fd", kwargs.get("dir_fd")))
        except TypeError:
            return self.direct(src, partial(self.real, src, dst, *args, **kwargs), False)
        if isinstance(src, int) or isinstance(dst, int):
            source = target = None  # refused by the function itself
        composite = self.kind.composite  # these keep path objects: they hand them to their callbacks
        given = (src, dst) if composite else (shown, shown_target)
        call = partial(self.real, *given, *args, **kwargs)
        state = self.state
        watched = bool((source and state.watched(source)) or (target and state.watched(target)))
        if not watched or source is None or target is None:
            if source is not None and target is not None:
                self.note_stray(source)
            return self.direct(given[0], call, watched)
        operation = None
        if self.concerned(source, target) or (state.model is not None and not composite):
            # Whether a link is made for a directory: what it leads to may be missing.
            detail = bool(kwargs.get("target_is_directory", args[:1] == (True,)))
            operation = self.operate(self.kind.groups, source, shown, target, shown_target, detail)
        if operation is None:
            self.calls += 1
            self.note(source)
            return self.direct(given[0], call, watched)
        at = partial(self.elsewhere, (source, target), given, args, kwargs)
        return self.execute(operation, Action(partial(self.direct, given[0], call, False), at=at))

    def elsewhere(
        self,
        asked: tuple[str, str],
        given: Any,
        args: Any,
        kwargs: dict[str, Any],
        path: str,
        target: str | None,
    ) -> Any:
        """Make the real call at the places that a model has found."""
        __tracebackhide__ = True
        # The source of a symbolic link is text, which nobody resolves.
        first = given[0] if self.operation == "os.symlink" else respell(given[0], asked[0], path)
        second = respell(given[1], asked[1], target or asked[1])
        kwargs = {name: None if name.endswith("dir_fd") else value for name, value in kwargs.items()}
        return self.direct(first, partial(self.real, first, second, *args, **kwargs), False)

    def resolve_source(self, src: Any, dst: Any, kwargs: dict[str, Any]) -> tuple[str | None, Any]:
        """Return the source's path; that of a symbolic link is read from where the link stands."""
        if self.operation != "os.symlink":
            return resolve(src, kwargs.get("src_dir_fd"))
        shown = os.fspath(src)
        beside, _ = resolve(dst, kwargs.get("dir_fd"))
        text = os.path.join(os.path.dirname(beside or os.sep), os.fsdecode(shown))
        return resolve(text)[0], shown

    def direct(self, first: Any, call: Callable[[], Any], watched: bool) -> Any:
        """Make the real call."""
        __tracebackhide__ = True
        self.announce(first)
        try:
            return call()
        except Exception as error:
            self.native(error, watched)
            raise
