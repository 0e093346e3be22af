"""One wrapper for each intercepted function: dull, cheap, and gone when nobody asks.

A wrapper is a bound method that is made once per process: hashable, picklable, the same object everywhere,
and, unlike a plain function, not bound again when it becomes a class attribute.
"""

from __future__ import annotations

import os
import sys
from collections import deque
from contextlib import suppress
from functools import partial
from importlib import import_module
from types import FunctionType, MethodType
from typing import TYPE_CHECKING, Any

from pytest_fsfault._core.engine import Act, conduct, tell_winerror
from pytest_fsfault._core.operation import OPERATIONS, Operation, flag_groups
from pytest_fsfault._intercept.board import NOBODY, resolve
from pytest_fsfault._intercept.originals import ORIGINALS

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_fsfault._intercept.board import Board
    from pytest_fsfault._intercept.table import Row

# pytest leaves the frames of this module out of tracebacks: they are not the user's.
__tracebackhide__ = True

# So many paths are remembered per function before the memory starts anew.
_MEMORY = 50_000
_UNKNOWN: Any = object()
_NOTHING = (None, None)


class Wrapper:
    """Stand in front of one function.

    `quiet` remembers paths that need no decision: True for a path below a root that no rule concerns, False
    for one that is not watched; with its target, where there is one. A path that is missing there is looked
    at in full.
    """

    __slots__ = (
        "__dict__", "_tests", "board", "call", "calls", "event", "function", "kind", "module", "note", "operation", "paths",
        "quiet", "real", "shape", "stray",
    )  # fmt: skip

    def __init__(self, board: Board, row: Row, real: Callable[..., Any]) -> None:
        self.board = board
        self.module, self.function = row.module, row.function
        self.operation = row.operation
        self.kind = OPERATIONS[row.operation]
        self.event, self.shape = row.event, row.shape
        self.real = real
        self.quiet: dict[str, Any] = {}
        self.calls = 0
        self.paths: deque[Any] = deque(maxlen=8)
        self.note = self.paths.append
        self.stray: str | None = None
        self._tests: Any = _UNKNOWN
        self.call = _bind(self._template(row), self, real)
        vars(self)[row.function] = self.call  # `copy` asks the owner of a method for the method's name
        board.interceptors.append(self)

    def _template(self, row: Row) -> Callable[..., Any]:
        raise NotImplementedError

    def forget(self) -> None:
        self.quiet.clear()
        self.stray = None
        self._tests = _UNKNOWN

    def bank(self) -> tuple[int, list[str]]:
        calls, self.calls = self.calls, 0
        paths = list(self.paths)
        self.paths.clear()
        return calls, paths

    def tests(self) -> tuple[Callable[[str], object] | None, Callable[[str], object] | None]:
        """Return the quick tests for path and target, made anew after each change of the rules."""
        if self._tests is _UNKNOWN:
            superset = self.board.superset
            target = superset(self.operation, target=True) if self.kind.two_paths else None
            source = superset(self.operation, target=False)
            self._tests = (source, target) if source or target else _NOTHING
        return self._tests  # type: ignore[no-any-return]

    def remember(self, path: str, watched: bool, target: str | None = None) -> bool:
        """Remember that `path`, or the pair of it and `target`, needs no decision."""
        if watched:
            self.note(path)
        else:
            self.note_stray(path)
        if len(self.quiet) >= _MEMORY:
            self.quiet.clear()
        self.quiet[path] = watched if target is None else (target, watched)
        return watched

    def note_stray(self, path: str | None) -> None:
        """Keep a path outside the roots, for the message of a rule that waited for this operation."""
        if self.stray is None and self.tests() is not _NOTHING and self.board.callers.locate(sys._getframe(1)):
            self.stray = path

    def plain(self, path: str) -> bool | None:
        """Judge a path that is visibly absolute and normal: True or False as in `quiet`; None: look closer."""
        if path[:1] != "/" or "/." in path or "//" in path or path[-1] == "/":
            return None
        board = self.board
        return path.startswith(board.below) or path in board.tops

    def announce(self, first: Any) -> None:
        """Tell the audit hook that the next event is about a call that has been decided."""
        if self.event is not None:
            self.board.mine = first

    def native(self, error: Exception, watched: bool | None) -> None:
        """Look at an error that the real call raised."""
        self.board.mine = NOBODY
        if watched and isinstance(error, OSError):
            tell_winerror(self.board.engines, self.operation, error)

    def operate(
        self, groups: frozenset[str], path: str, shown: Any, target: str | None = None, shown_target: Any = None
    ) -> Operation | None:
        """Return the operation that is asked for; None if the caller belongs to the machinery."""
        site = self.board.callers.locate(sys._getframe(1))
        if site is None:
            return None
        return Operation(self.operation, path, target, groups, shown, shown_target, site)

    def conduct(self, operation: Operation, act: Act) -> Any:
        """Hand a call to the engines of all open sessions."""
        checked = partial(self._checked, operation, act.perform)
        return conduct(self.board.engines, operation, act._replace(perform=checked))

    def _checked(self, operation: Operation, perform: Callable[[], Any]) -> Any:
        try:
            return perform()
        except OSError as error:
            tell_winerror(self.board.engines, operation.name, error)
            raise

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        # A bound method pickles as (its owner, its name), and comes back as what the module has by that name.
        return import_module, (self.module,)

    def __deepcopy__(self, _memo: object) -> Wrapper:
        return self

    def __repr__(self) -> str:
        return f"<fsfault wrapper of {self.module}.{self.function}>"


class PathWrapper(Wrapper):
    """A function whose first argument is a path or a descriptor."""

    __slots__ = ()

    def _template(self, row: Row) -> Callable[..., Any]:
        if row.function in {"listdir", "scandir"}:
            return PathWrapper._optional
        if row.function == "open":
            return PathWrapper._os_open
        return PathWrapper._audited if row.event else PathWrapper._silent

    # The three are alike, since nothing may be shared on this path that costs a call. `stat` and its like
    # raise no audit event: what a wrapper announced would stay, and shield a later call that nobody has
    # decided. Arguments that are named reach a builtin much faster than those in a tuple and a dictionary.
    def _os_open(self, path: Any, flags: Any, mode: Any = 0o777, *, dir_fd: Any = None) -> Any:
        board = self.board
        if not board.live:
            return self.real(path, flags, mode, dir_fd=dir_fd)
        watched = self.quiet.get(path) if type(path) is str else None
        if watched is None:
            watched = self.visit(path)
            if watched is None:
                return self.slow(path, (flags, mode), {"dir_fd": dir_fd})
        if watched:
            self.calls += 1
        board.mine = path
        try:
            # An absolute path needs no directory.
            return self.real(path, flags, mode)
        except Exception as error:
            self.native(error, watched)
            raise

    def _silent(self, path: Any, *args: Any, **kwargs: Any) -> Any:
        if not self.board.live:
            return self.real(path, *args, **kwargs)
        watched = self.quiet.get(path) if type(path) is str else None
        if watched is None:
            watched = self.visit(path)
            if watched is None:
                return self.slow(path, args, kwargs)
        if watched:
            self.calls += 1
        try:
            if args or kwargs:
                return self.real(path, *args, **kwargs)
            return self.real(path)
        except Exception as error:
            self.native(error, watched)
            raise

    def _audited(self, path: Any, *args: Any, **kwargs: Any) -> Any:
        if not self.board.live:
            return self.real(path, *args, **kwargs)
        watched = self.quiet.get(path) if type(path) is str else None
        if watched is None:
            watched = self.visit(path)
            if watched is None:
                return self.slow(path, args, kwargs)
        if watched:
            self.calls += 1
        self.board.mine = path
        try:
            if args or kwargs:
                return self.real(path, *args, **kwargs)
            return self.real(path)
        except Exception as error:
            self.native(error, watched)
            raise

    def _optional(self, path: Any = None) -> Any:
        # Without an argument it is the current directory, which needs a name for the audit hook to know it by.
        return self._audited("." if path is None else path)

    def visit(self, path: Any) -> bool | None:
        """Judge a path that is not in memory: as in `quiet`, or None if it needs the slow way."""
        if type(path) is not str or (watched := self.plain(path)) is None:
            return None
        if watched:
            test = self.tests()[0]
            if test is not None and test(path):
                return None
        return self.remember(path, watched)

    def slow(self, path: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Resolve the path; ask the engines if a rule may concern it."""
        try:
            where, shown = resolve(path, kwargs.get("dir_fd"))
        except TypeError:
            return self.direct(path, partial(self.real, path, *args, **kwargs), None)
        if isinstance(path, int) and self.real not in os.supports_fd:
            where = None  # refused by the function itself
        # shutil's functions keep a path object, since they hand it to their callbacks.
        given = path if isinstance(path, int) or self.kind.composite else shown
        call = partial(self.real, given, *args, **kwargs)
        watched = where is not None and self.board.watched(where)
        if where is None or not watched:
            if where is not None:
                self.note_stray(where)
                if type(path) is str and os.path.isabs(path):
                    self.remember(path, False)
            return self.direct(given, call, None)
        test = self.tests()[0]
        operation = None
        if test is not None and test(where):
            operation = self.operate(self.groups(args, kwargs), where, shown)
        if operation is None:
            self.calls += 1
            self.note(where)
            return self.direct(given, call, where)
        act = Act(partial(self.direct, given, call, None), self.discard)
        return self.answer(operation, act)

    def direct(self, first: Any, call: Callable[[], Any], watched: str | None) -> Any:
        """Make the real call."""
        self.announce(first)
        try:
            return call()
        except Exception as error:
            self.native(error, watched is not None)
            raise

    def answer(self, operation: Operation, act: Act) -> Any:
        """Ask the engines; a refused `access` answers False, as it does on Windows."""
        if self.operation != "os.access":
            return self.conduct(operation, act)
        try:
            return self.conduct(operation, act)
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


class TwoPathWrapper(Wrapper):
    """A function from one path to another."""

    __slots__ = ()

    def _template(self, row: Row) -> Callable[..., Any]:
        return TwoPathWrapper._move if row.event == "os.rename" else TwoPathWrapper._call

    def _move(self, src: Any, dst: Any, *, src_dir_fd: Any = None, dst_dir_fd: Any = None) -> Any:
        board = self.board
        if not board.live:
            return self.real(src, dst, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)
        known = self.quiet.get(src) if type(src) is str else None
        # A pair's memory is the source's last target: retries and loops meet the same pair again.
        watched = known[1] if known is not None and known[0] == dst else self.visit(src, dst)
        if watched is None:
            return self.slow(src, dst, (), {"src_dir_fd": src_dir_fd, "dst_dir_fd": dst_dir_fd})
        if watched:
            self.calls += 1
        board.mine = src
        try:
            # Absolute paths need no directories.
            return self.real(src, dst)
        except Exception as error:
            self.native(error, watched)
            raise

    def _call(self, src: Any, dst: Any, *args: Any, **kwargs: Any) -> Any:
        if not self.board.live:
            return self.real(src, dst, *args, **kwargs)
        known = self.quiet.get(src) if type(src) is str else None
        watched = known[1] if known is not None and known[0] == dst else self.visit(src, dst)
        if watched is None:
            return self.slow(src, dst, args, kwargs)
        if watched:
            self.calls += 1
        if self.event is not None:
            self.board.mine = src
        try:
            if args or kwargs:
                return self.real(src, dst, *args, **kwargs)
            return self.real(src, dst)
        except Exception as error:
            self.native(error, watched)
            raise

    def visit(self, src: Any, dst: Any) -> bool | None:
        """Judge a pair that is not in memory: as in `quiet`, or None if it needs the slow way."""
        if type(src) is not str or type(dst) is not str:
            return None
        source, target = self.plain(src), self.plain(dst)
        if source is None or target is None:
            return None
        watched = source or target
        if watched and self.concerned(src, dst):
            return None
        return self.remember(src, watched, dst)

    def concerned(self, src: str, dst: str) -> bool:
        """Return whether a rule may concern the pair; never a wrong no."""
        of_source, of_target = self.tests()
        return bool((of_source and of_source(src)) or (of_target and of_target(dst)))

    def slow(self, src: Any, dst: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Resolve both paths; ask the engines if a rule may concern them."""
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
        board = self.board
        watched = bool((source and board.watched(source)) or (target and board.watched(target)))
        if not watched or source is None or target is None:
            if source is not None and target is not None:
                self.note_stray(source)
            return self.direct(given[0], call, watched)
        operation = None
        if self.concerned(source, target):
            operation = self.operate(self.kind.groups, source, shown, target, shown_target)
        if operation is None:
            self.calls += 1
            self.note(source)
            return self.direct(given[0], call, watched)
        return self.conduct(operation, Act(partial(self.direct, given[0], call, False)))

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
        self.announce(first)
        try:
            return call()
        except Exception as error:
            self.native(error, watched)
            raise


class DescriptorWrapper(Wrapper):
    """A function whose first argument, or first two, are open descriptors."""

    __slots__ = ()

    def _template(self, row: Row) -> Callable[..., Any]:
        if row.function in {"close", "fsync", "fdatasync"}:
            return DescriptorWrapper._lone
        return DescriptorWrapper._pair if row.shape == "two descriptors" else DescriptorWrapper._single

    def _lone(self, fd: Any) -> Any:
        if not self.board.live or self._tests is _NOTHING or self.tests() is _NOTHING:
            return self.real(fd)
        return self.slow(fd, None, (fd,), {})

    def _single(self, fd: Any, *args: Any, **kwargs: Any) -> Any:
        # Without a rule on this operation there is nothing to find out about the descriptor.
        if not self.board.live:
            return self.real(fd, *args, **kwargs)
        if self._tests is _NOTHING or self.tests() is _NOTHING:
            if self.event is not None:
                self.board.mine = fd
            return self.real(fd, *args, **kwargs) if args or kwargs else self.real(fd)
        return self.slow(fd, None, (fd, *args), kwargs)

    def _pair(self, first: Any, second: Any, *args: Any, **kwargs: Any) -> Any:
        if not self.board.live or self.tests() is _NOTHING:
            return self.real(first, second, *args, **kwargs)
        given = (first, second, *args)
        # sendfile names the receiver first, copy_file_range the source.
        source, target = (second, first) if self.function == "sendfile" else (first, second)
        return self.slow(source, target, given, kwargs)

    def slow(self, source: Any, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Find the files behind the descriptors; ask the engines if a rule may concern them."""
        call = partial(self._perform, args, kwargs)
        path = resolve(source)[0] if isinstance(source, int) else None
        end = resolve(target)[0] if isinstance(target, int) else None
        board = self.board
        if not ((path and board.watched(path)) or (end and board.watched(end))):
            self.note_stray(path or end)
            return call()
        of_path, of_target = self.tests()
        operation = None
        if (of_path and path and of_path(path)) or (of_target and end and of_target(end)):
            operation = self.operate(self.kind.groups, path or "", None, end)
        if operation is None:
            self.calls += 1
            self.note(path or end)
            return call()
        short = partial(self._short, args, kwargs) if self.kind.transfers else None
        return self.conduct(operation, Act(call, short=short))

    def _perform(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        self.announce(args[0])
        return self.real(*args, **kwargs)

    def _short(self, args: tuple[Any, ...], kwargs: dict[str, Any], size: int) -> Any:
        """Transfer at most `size` bytes; arguments that do not fit go to the real function as they are."""
        position = _AMOUNTS[self.function]
        with suppress(TypeError, ValueError):
            if position < len(args):
                args = (*args[:position], _shortened(args[position], size), *args[position + 1 :])
            elif "count" in kwargs:
                kwargs = {**kwargs, "count": min(kwargs["count"], size)}
        return self.real(*args, **kwargs)


#: Where a transfer has its amount: a number of bytes, a buffer, or a sequence of buffers.
_AMOUNTS = {
    **dict.fromkeys(("read", "pread", "readv", "preadv", "write", "pwrite", "writev", "pwritev"), 1),
    "copy_file_range": 2,
    "sendfile": 3,
}


def _shortened(amount: Any, size: int) -> Any:
    if isinstance(amount, int):
        return min(amount, size)
    if not isinstance(amount, (list, tuple)):
        return bytes_of(amount)[:size]
    kept = []
    for buffer in amount:
        kept.append(bytes_of(buffer)[:size])
        size -= len(kept[-1])
    return kept


def bytes_of(buffer: Any) -> memoryview:
    """Return a view of the bytes of a buffer, which may be one of larger items, and empty."""
    view = memoryview(buffer)
    return view.cast("B") if view.nbytes else memoryview(b"")

#: The wrapper of each function, by its module and name; made when first needed.
WRAPPERS: dict[tuple[str, str], Wrapper] = {}


def _bind(template: Callable[..., Any], owner: Wrapper, real: Callable[..., Any]) -> Callable[..., Any]:
    """Return `template` as a method of `owner` that looks like `real`, down to the names of its arguments."""
    code = template.__code__
    names = _parameters(owner, real)
    made = FunctionType(
        code.replace(
            co_name=real.__name__,
            co_qualname=real.__qualname__,
            co_varnames=("self", *names, *code.co_varnames[1 + len(names) :]),
        ),
        template.__globals__,
        real.__name__,
        template.__defaults__,
    )
    made.__kwdefaults__ = template.__kwdefaults__
    made.__dict__.update(getattr(real, "__dict__", {}))
    if "inspect" in sys.modules:  # who asks for signatures, such as an autospec, has loaded it
        from pytest_fsfault._intercept.signatures import MethodSignature  # noqa: PLC0415

        made.__signature__ = MethodSignature(real)  # type: ignore[attr-defined]
    made.__doc__ = real.__doc__
    made.__module__ = real.__module__
    made.__qualname__ = real.__qualname__
    return MethodType(made, owner)


_PARAMETERS = {"path": ("path",), "two paths": ("src", "dst"), "descriptor": ("fd",), "open": ()}


def _parameters(owner: Wrapper, real: Callable[..., Any]) -> tuple[str, ...]:
    """Return the names under which callers may pass the arguments that a wrapper reads."""
    if owner.function == "sendfile":
        return "out_fd", "in_fd"
    names = _PARAMETERS.get(owner.shape, ("src", "dst"))
    code = getattr(real, "__code__", None)
    return code.co_varnames[: len(names)] if code else names
