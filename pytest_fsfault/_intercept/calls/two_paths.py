"""Functions from one path to another: `rename`, `replace`, links and copies."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from pytest_fsfault._core.engine.counts import ends_text
from pytest_fsfault._core.engine.status import check_available
from pytest_fsfault._intercept.calls.arguments import Ends, ends_of
from pytest_fsfault._intercept.calls.paths import REAL_PATHS
from pytest_fsfault._intercept.calls.wrapper import MEMORY, UNKNOWN, Wrapper
from pytest_fsfault._intercept.patching.tracebacks import hide_frames

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_fsfault._core.engine.interfaces import FastPath
    from pytest_fsfault._intercept.calls.functions import InterceptedFunction


class TwoPathWrapper(Wrapper):
    """A function from one path to another."""

    __slots__ = ()

    def _template(self, function: InterceptedFunction) -> Callable[..., Any]:
        return TwoPathWrapper._move if function.event == "os.rename" else TwoPathWrapper._call

    # Hot: the way of a call that no rule concerns, in one function so that nothing is called.
    def _move(self, src: Any, dst: Any, *, src_dir_fd: Any = None, dst_dir_fd: Any = None) -> Any:
        state = self.state
        if not state.live:
            return self.real(src, dst, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)
        if type(src) is str and type(dst) is str:
            known = self.undecided.get(src)
        else:
            src, dst = self.of_object(src)[0], self.of_object(dst)[0]
            known = self.undecided.get(src) if type(src) is str else None
        # A pair's memory is the source's last target: retries and loops meet the same pair again.
        watched = known[1] if known is not None and known[0] == dst else self.classify(src, dst)
        if src_dir_fd is not None or dst_dir_fd is not None:
            watched = None
        if watched is False or (watched and self.fast_path is None):
            if watched:
                self.calls += 1
            state.announced = src
            try:
                # Absolute paths need no directories.
                return self.real(src, dst)
            except Exception as error:
                if not self.failed(error, watched):
                    raise
                watched = None
        try:
            if watched:
                return self.fast(self.fast_path, src, dst)
            return self.slow((src, dst), {"src_dir_fd": src_dir_fd, "dst_dir_fd": dst_dir_fd})
        except BaseException as error:
            hide_frames(error)
            raise

    def fast(self, fast_path: FastPath | None, src: str, dst: str) -> Any:
        """Move a file under a model that may have nothing to say."""
        if fast_path is not None and fast_path.before(src, dst):
            self.calls += 1
            self.state.announced = src
            try:
                self.real(src, dst)
            except Exception as error:
                if not self.failed(error, True):
                    raise
            else:
                fast_path.after(src, dst)
                return None
        return self.slow((src, dst), {})

    # Hot: the way of a call that no rule concerns, in one function so that nothing is called.
    def _call(self, src: Any, dst: Any, *args: Any, **kwargs: Any) -> Any:
        if not self.state.live:
            return self.real(src, dst, *args, **kwargs)
        if type(src) is str and type(dst) is str:
            known = self.undecided.get(src)
        else:
            src, dst = self.of_object(src)[0], self.of_object(dst)[0]
            known = self.undecided.get(src) if type(src) is str else None
        watched = known[1] if known is not None and known[0] == dst else self.classify(src, dst)
        if watched is not None:
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
        try:
            return self.slow((src, dst, *args), kwargs)
        except BaseException as error:
            hide_frames(error)
            raise

    # Hot: tells for each pair of paths whether a rule may concern it, in one function.
    def classify(self, src: Any, dst: Any) -> bool | None:
        """Judge a pair that is not in memory: as in `undecided`, or None if it needs the slow way.

        What `is_plain`, `concerned` and `remember` do, at once: loops over many files come here for each.
        """
        ends, concerned = (src, dst), self.concerned_paths
        if type(src) is not str or type(dst) is not str or self.guarded or (concerned and ends in concerned):
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
            self.keep_concerned(ends, src, dst)
            return None
        self.note_path(ends)
        undecided = self.undecided
        if len(undecided) >= MEMORY:
            undecided.clear()
        undecided[src] = (dst, True)
        return True

    def _judge(self, src: str, dst: str) -> bool | None:
        """Return whether one of the paths is watched, None if it takes a closer look; note their folders."""
        source, target = self.is_plain(src), self.is_plain(dst)
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

    # Hot: the whole way of a call that a rule may concern, in one function.
    def slow(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:  # noqa: C901  # as said above
        """Resolve both paths; ask the engines if a rule may concern them."""
        state, known = self.state, self.concerned_paths
        if known and type(args[0]) is type(args[1]) is str and args[:2] in known:
            if kwargs and state.show is not None and not self.kind.composite:
                check_available(self.function.function, kwargs)
            plain = Ends(args[0], args[0], args[1], args[1])
            found = self.describe(plain, args, kwargs)
            return (
                self._by_itself(plain, args, kwargs) if found is None else self.execute(found, args, kwargs)
            )
        try:
            ends = ends_of(self.function, args, kwargs, REAL_PATHS)
        except TypeError:
            ends = None  # the function says it itself
        composite = self.kind.composite  # these keep path objects: they hand them to their callbacks
        if ends is not None and not composite:
            args = (ends.shown, ends.shown_target, *args[2:])
        if ends is None or ends.path is None or ends.target is None:
            return self.direct(args, kwargs, watched=False)
        if self.guarded:
            self.refuse_outside(ends, args, kwargs)
        if not (state.watched(ends.path) or state.watched(ends.target)):
            self.note_outside(ends.path)
            return self.direct(args, kwargs, watched=False)
        if kwargs and state.show is not None and not composite:
            check_available(self.function.function, kwargs)
        operation = None
        if self.concerned(ends.path, ends.target) or (state.model is not None and not composite):
            operation = self.describe(ends, args, kwargs)
        if operation is None:
            return self._by_itself(ends, args, kwargs)
        return self.execute(operation, args, kwargs)

    def _by_itself(self, ends: Ends, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Make a call below a root of which the engines need not be asked."""
        self.calls += 1
        self.note_path(ends_text(ends.path or "", ends.target))
        return self.direct(args, kwargs)
