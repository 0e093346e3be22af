"""Stand before the functions of pyfakefs's `os`, `os.path` and `open`: the same questions as before the real ones.

Its functions are called however they were bound: what stands in their closures is exchanged, not their names.
"""

from __future__ import annotations

import errno
import os
import sys
from functools import partial, wraps
from typing import TYPE_CHECKING, Any

from pytest_fsfault._core.engine.execution import Action, execute, tell_winerror
from pytest_fsfault._core.language.operations import OPERATIONS, Operation, flag_groups, open_groups
from pytest_fsfault._intercept.calls.descriptors import AMOUNTS, shortened
from pytest_fsfault._intercept.fake.errors import translated

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_fsfault._intercept.fake.filesystem import FakeFileSystem

    _Ways = tuple[Callable[[str, str | None], Any] | None, Callable[[int], Any] | None]

# pytest leaves the frames of this module out of tracebacks: they are not the user's.
__tracebackhide__ = True

_DETAILS = {"os.open": "flags", "os.access": "mode", "os.chmod": "mode", "os.truncate": "length"}


class FakeCall:
    """One function of the fake `os`, and the operation that it is.

    `real` is pyfakefs's own function, whose first argument is its module.
    """

    def __init__(self, place: FakeFileSystem, operation: str, real: Callable[..., Any]) -> None:
        self.place = place
        self.operation = operation
        self.kind = OPERATIONS[operation]
        self.real = real
        code = getattr(real, "__code__", None)
        self._names = code.co_varnames[1 : code.co_argcount] if code else ()

    def made(self) -> Callable[..., Any]:
        """Return what takes the place of the function."""
        real, place, run = self.real, self.place, self.run

        @wraps(real)
        def function(module: Any, *args: Any, **kwargs: Any) -> Any:
            if not place.concerns(module.filesystem):
                return real(module, *args, **kwargs)
            __tracebackhide__ = True
            return run(module, args, kwargs)

        return function

    def run(self, module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Ask the engines, if anybody watches."""
        __tracebackhide__ = True
        call = partial(self.real, module, *args, **kwargs)
        asked = self.asked(args, kwargs)
        if asked is None:
            return call()
        return self.decide(asked, call, *self.ways(module, asked, args, kwargs))

    def ways(self, module: Any, asked: Operation, args: tuple[Any, ...], kwargs: dict[str, Any]) -> _Ways:
        """Return how else the call can be made: at other paths, and cut short."""
        return partial(self._elsewhere, module, asked, args, kwargs), None

    def decide(
        self,
        operation: Operation,
        call: Callable[[], Any],
        at: Callable[[str, str | None], Any] | None = None,
        short: Callable[[int], Any] | None = None,
        *,
        nested: bool = False,
    ) -> Any:
        """Hand an operation to the engines of all open sessions; with `nested` it calls what asks by itself."""
        __tracebackhide__ = True
        state = self.place.state
        if not any(state.watched(end) for end in (operation.path, operation.target) if end):
            for engine in state.engines:
                if engine.gate:
                    engine.outside.setdefault(operation.name, operation.path)
            return call()
        site = state.callers.locate(sys._getframe(1))
        if site is None:
            return call()
        operation = operation._replace(call_site=site)
        checked = call if nested else partial(self._checked, operation, call)
        away = at
        if at is not None and not nested:
            away = partial(self._away, at)
        return execute(state.engines, operation, Action(checked, self.discard, short, away))

    def _checked(self, operation: Operation, call: Callable[[], Any]) -> Any:
        __tracebackhide__ = True
        try:
            return self._alone(call)
        except OSError as error:
            found = translated(self.place, operation, error)
            if found is error:
                tell_winerror(self.place.state.engines, operation.name, error)
                raise
        raise found from None

    def _away(self, at: Callable[[str, str | None], Any], path: str, target: str | None) -> Any:
        __tracebackhide__ = True
        return self._alone(partial(at, path, target))

    def _alone(self, call: Callable[[], Any]) -> Any:
        __tracebackhide__ = True
        with self.place.alone():
            return call()

    # What the shapes differ in.

    def argument(self, args: tuple[Any, ...], kwargs: dict[str, Any], place: int, default: Any = None) -> Any:
        """Return an argument by its place, or by the name that it has there."""
        if place < len(args):
            return args[place]
        return kwargs.get(self._names[place], default) if place < len(self._names) else default

    def asked(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Operation | None:
        """Return the operation that a call asks for; None if it is none, which the function itself says."""
        raise NotImplementedError

    def discard(self, result: Any) -> None:
        """Give back what a call produced whose caller never sees it."""

    def _elsewhere(
        self, module: Any, asked: Operation, args: Any, kwargs: Any, path: str, target: str | None
    ) -> Any:
        __tracebackhide__ = True
        args, kwargs = self.moved(asked, args, kwargs, path, target)
        return self.real(module, *args, **kwargs)

    def moved(
        self, asked: Operation, args: Any, kwargs: Any, path: str, target: str | None
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return the arguments for the paths that a model has found."""
        del target
        return self.spelled(args, kwargs, 0, asked.shown, asked.path, path)

    def spelled(
        self, args: Any, kwargs: Any, place: int, shown: Any, asked: str, found: str
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return arguments with the path at a place exchanged, unless it is where it was asked for."""
        if isinstance(shown, int) or (found == asked and "/." not in os.fsdecode(shown).replace("\\", "/")):
            return args, kwargs
        text = self.place.spelled(found)
        value = os.fsencode(text) if isinstance(shown, bytes) else text
        kwargs = {name: one for name, one in kwargs.items() if not name.endswith("dir_fd")}
        if place < len(args):
            return (*args[:place], value, *args[place + 1 :]), kwargs
        return args, {**kwargs, self._names[place]: value}


class PathCall(FakeCall):
    """A function whose first argument is a path or a descriptor."""

    def asked(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Operation | None:
        """Return the operation of a path."""
        path = self.argument(args, kwargs, 0, "." if self.operation in {"os.listdir", "os.scandir"} else None)
        try:
            where, shown = self.place.resolve("." if path is None and args else path, kwargs.get("dir_fd"))
        except TypeError:
            return None
        if where is None:
            return None
        detail = self._detail(args, kwargs)
        groups = self.kind.groups
        if self.operation == "os.open" and isinstance(detail, int):
            groups = flag_groups(detail)
        return Operation(self.operation, where, None, groups, shown, detail=detail)

    def _detail(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return self.argument(args, kwargs, 1) if self.operation in _DETAILS else None

    def discard(self, result: Any) -> None:
        """Give back a descriptor or an iterator."""
        if self.operation == "os.open":
            with self.place.alone():
                self.place.os.close(result)
        elif self.operation == "os.scandir":
            result.close()

    def run(self, module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Ask the engines; a refused `access` answers False."""
        __tracebackhide__ = True
        if self.operation != "os.access":
            return super().run(module, args, kwargs)
        try:
            return super().run(module, args, kwargs)
        except OSError:
            return False


class TwoPathCall(FakeCall):
    """A function from one path to another."""

    def asked(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Operation | None:
        """Return the operation of two paths; the source of a symbolic link is read from where the link stands."""
        place, src, dst = self.place, self.argument(args, kwargs, 0), self.argument(args, kwargs, 1)
        if isinstance(src, int) or isinstance(dst, int):
            return None
        try:
            target, shown_target = place.resolve(dst, kwargs.get("dst_dir_fd", kwargs.get("dir_fd")))
            if self.operation == "os.symlink":
                shown = os.fspath(src)
                above = (target or "/").rpartition("/")[0]
                source: str | None = place.absolute(os.fsdecode(shown), f"{above}/")
            else:
                source, shown = place.resolve(src, kwargs.get("src_dir_fd"))
        except TypeError:
            return None
        if source is None or target is None:
            return None
        return Operation(self.operation, source, target, self.kind.groups, shown, shown_target)

    def moved(
        self, asked: Operation, args: Any, kwargs: Any, path: str, target: str | None
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return the arguments for both paths; the source of a symbolic link is text, which nobody resolves."""
        if self.operation != "os.symlink":
            args, kwargs = self.spelled(args, kwargs, 0, asked.shown, asked.path, path)
        there = asked.target or ""
        return self.spelled(args, kwargs, 1, asked.shown_target, there, target or there)


class DescriptorCall(FakeCall):
    """A function of one open descriptor, or of two."""

    def asked(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Operation | None:
        """Return the operation of a descriptor."""
        fd = self.argument(args, kwargs, 0)
        source, target = fd, None
        if self.kind.two_paths:  # sendfile names the receiver first
            source, target = self.argument(args, kwargs, 1), fd
        path = self.place.path_of(source) if isinstance(source, int) else None
        end = self.place.path_of(target) if isinstance(target, int) else None
        if path is None and end is None:
            return None
        detail: Any = args[-1] if args else None
        if self.operation == "os.close":
            detail = self.place.writes(fd)
        return Operation(self.operation, path or "", end, self.kind.groups, detail=detail)

    def ways(self, module: Any, _asked: Operation, args: tuple[Any, ...], kwargs: dict[str, Any]) -> _Ways:
        """Return how else the call can be made: cut short, if it transfers anything."""
        return None, partial(self._short, module, args, kwargs) if self.kind.transfers else None

    def _short(self, module: Any, args: tuple[Any, ...], kwargs: dict[str, Any], size: int) -> Any:
        """Transfer at most `size` bytes."""
        position = AMOUNTS[self.real.__name__]
        if position < len(args):
            args = (*args[:position], shortened(args[position], size), *args[position + 1 :])
        with self.place.alone():
            return self.real(module, *args, **kwargs)


class AskingCall(FakeCall):
    """A function of `os.path` that asks for a file's status, and what it answers where that is refused."""

    def __init__(self, place: FakeFileSystem, operation: str, real: Callable[..., Any], refused: Any) -> None:
        super().__init__(place, operation, real)
        self._refused = refused

    def run(self, module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Ask the engines as for the status that the function reads."""
        __tracebackhide__ = True
        path = self.argument(args, kwargs, 0)
        call = partial(self.real, module, *args, **kwargs)
        try:
            where, shown = self.place.resolve(path)
        except TypeError:
            return call()
        if where is None:
            return call()
        asked = Operation(self.operation, where, None, self.kind.groups, shown)
        read = partial(self._read, module, asked, args, kwargs)
        if self._refused is None:
            return self.decide(asked, call, read)
        try:
            return self.decide(asked, partial(read, asked.path, None), read)
        except OSError:
            return self._refused

    def _read(
        self, module: Any, asked: Operation, args: Any, kwargs: Any, path: str, _target: str | None
    ) -> Any:
        """Return what the function says, or fail as the status does."""
        args, kwargs = self.spelled(args, kwargs, 0, asked.shown, asked.path, path)
        found = self.real(module, *args, **kwargs)
        if found is self._refused and not module.filesystem.exists(
            self.argument(args, kwargs, 0), check_link=self.operation == "os.lstat"
        ):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), asked.shown)
        return found


class OpenCall(FakeCall):
    """`open`, by whatever name: below it is one method of pyfakefs."""

    def __init__(self, place: FakeFileSystem, real: Callable[..., Any]) -> None:
        super().__init__(place, "open", real)

    def made(self) -> Callable[..., Any]:
        """Return what takes the place of the method."""
        real, place, run = self.real, self.place, self.run

        @wraps(real)
        def call(opening: Any, file: Any, mode: Any = "r", *args: Any, **kwargs: Any) -> Any:
            low = kwargs.get("open_modes") is not None or isinstance(file, int)
            if low or not place.concerns(opening.filesystem) or not isinstance(mode, str):
                return real(opening, file, mode, *args, **kwargs)
            __tracebackhide__ = True
            return run(opening, (file, mode, *args), kwargs)

        return call

    def run(self, module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Ask the engines; what an opener does, it does by calls of its own."""
        __tracebackhide__ = True
        call = partial(self.real, module, *args, **kwargs)
        opener = self.argument(args, kwargs, 7)
        own = opener is not None and not str(opener.__module__).startswith("pathlib")
        try:
            where, shown = self.place.resolve(args[0])
        except TypeError:
            return call()
        if where is None or (own and self.place.is_directory(where)):  # tempfile opens the file itself
            return call()
        mode = args[1]
        asked = Operation("open", where, None, open_groups(mode), shown, detail=None if own else mode)
        return self.decide(asked, call, partial(self._elsewhere, module, asked, args, kwargs), nested=own)

    def discard(self, result: Any) -> None:
        """Close a file that nobody gets."""
        with self.place.alone():
            result.close()
