"""Stand before the functions of pyfakefs's `os`, `os.path` and `open`: the same questions as before the real ones.

Its functions are called however they were bound: what stands in their closures is exchanged, not their names.
"""

from __future__ import annotations

import errno
import os
import sys
from functools import partial, wraps
from typing import TYPE_CHECKING, Any

from pytest_fsfault._core.engine.execution import execute, tell_winerror
from pytest_fsfault._core.engine.pending import Action
from pytest_fsfault._core.language.operations import OPERATIONS, Operation
from pytest_fsfault._intercept.calls.arguments import (
    by_position,
    cut_short,
    describe,
    discard,
    relocated,
)
from pytest_fsfault._intercept.calls.functions import InterceptedFunction
from pytest_fsfault._intercept.calls.outside import changed_descriptor, does_follow, refuse_outside
from pytest_fsfault._intercept.calls.refusals import handled
from pytest_fsfault._intercept.fake.errors import translated
from pytest_fsfault._intercept.patching.tracebacks import hide_frames

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_fsfault._intercept.fake.filesystem import FakeFileSystem


class FakeCall:
    """One function of the fake `os`, and the operation that it is.

    `real` is pyfakefs's own function, whose first argument is its module.
    """

    def __init__(self, fake: FakeFileSystem, function: InterceptedFunction, real: Callable[..., Any]) -> None:
        self.fake = fake
        self.function = function
        self.operation = function.operation
        self.kind = OPERATIONS[function.operation]
        self.real = real
        code = getattr(real, "__code__", None)
        self.names = paths_of(function, code.co_varnames[1 : code.co_argcount] if code else ())

    def made(self) -> Callable[..., Any]:
        """Return what takes the place of the function."""
        real, fake, run = self.real, self.fake, self.run

        @wraps(real)
        def function(module: Any, *args: Any, **kwargs: Any) -> Any:
            if not fake.watches(module.filesystem):
                return real(module, *args, **kwargs)
            try:
                return run(module, args, kwargs)
            except BaseException as error:
                hide_frames(error)
                raise

        return function

    def run(self, module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Ask the engines, if the arguments name a path."""
        args, kwargs = by_position(self.names, args, kwargs)
        call = partial(self.real, module, *args, **kwargs)
        asked = describe(self.function, args, kwargs, self.fake)
        if asked is None:
            return call()
        at = partial(self._elsewhere, module, asked, args, kwargs)
        short = partial(self._short, module, args, kwargs) if self.kind.transfers else None
        ask = partial(
            self.decide,
            asked,
            at=None if asked.shown is None else at,
            short=short,
            descriptor=changed_descriptor(self.function, args),
            links=does_follow(self.function, kwargs),
        )
        return handled(self.operation, ask, call, args, kwargs)

    def decide(
        self,
        operation: Operation,
        call: Callable[[], Any],
        at: Callable[[str, str | None], Any] | None = None,
        short: Callable[[int], Any] | None = None,
        *,
        nested: bool = False,
        descriptor: object = None,
        links: bool = True,
    ) -> Any:
        """Hand an operation to the engines of all open sessions; with `nested` it calls what asks by itself.

        `descriptor` is what a file would be changed through that is open; `links` whether links are followed.
        """
        state = self.fake.state
        self._refuse_outside(operation, descriptor, links=links)
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
            away = partial(self._inside, at)
        return execute(state.engines, operation, Action(checked, self.discard, short, away))

    def _refuse_outside(self, operation: Operation, descriptor: object, *, links: bool = True) -> None:
        if not self.fake.state.guarded:
            return
        site = self.fake.state.callers.locate(sys._getframe(2))
        if site is not None:
            refuse_outside(
                self.fake.state, operation._replace(call_site=site), descriptor, self.fake, links=links
            )

    def _checked(self, operation: Operation, call: Callable[[], Any]) -> Any:
        try:
            return self._inside(call)
        except OSError as error:
            found = translated(self.fake, operation, error)
            if found is error:
                tell_winerror(self.fake.state.engines, operation.name, error)
                raise
        raise found from None

    def _inside(self, call: Callable[..., Any], *args: Any) -> Any:
        with self.fake.inside():
            return call(*args)

    def discard(self, result: Any) -> None:
        """Give back what a call produced whose caller never sees it."""
        with self.fake.inside():
            discard(self.operation, result, self.fake.os.close)

    def _elsewhere(
        self, module: Any, asked: Operation, args: Any, kwargs: Any, path: str, target: str | None
    ) -> Any:
        args, kwargs = relocated(asked, args, kwargs, path, target, self.fake.native_path)
        return self.real(module, *args, **kwargs)

    def _short(self, module: Any, args: tuple[Any, ...], kwargs: dict[str, Any], size: int) -> Any:
        args, kwargs = cut_short(self.function.function, args, kwargs, size)
        return self._inside(partial(self.real, module, *args, **kwargs))


def paths_of(function: InterceptedFunction, names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of the arguments that are paths or descriptors."""
    return names[: 2 if function.shape in {"two paths", "two descriptors"} else 1]


class AskingCall(FakeCall):
    """A function of `os.path` that asks for a file's status, and what it answers where that is refused."""

    def __init__(
        self, fake: FakeFileSystem, function: InterceptedFunction, real: Callable[..., Any], refused: Any
    ) -> None:
        super().__init__(fake, function, real)
        self._refused = refused

    def run(self, module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Ask the engines as for the status that the function reads."""
        args, kwargs = by_position(self.names, args, kwargs)
        call = partial(self.real, module, *args, **kwargs)
        asked = describe(self.function, args, kwargs, self.fake)
        if asked is None:
            return call()
        read = partial(self._read, module, asked, args, kwargs)
        if self._refused is None:
            return self.decide(asked, call, read)
        try:
            return self.decide(asked, partial(read, asked.path, None), read)
        except OSError:
            return self._refused

    def _read(
        self, module: Any, asked: Operation, args: Any, kwargs: Any, path: str, target: str | None
    ) -> Any:
        """Return what the function says, or fail as the status does."""
        args, kwargs = relocated(asked, args, kwargs, path, target, self.fake.native_path)
        found = self.real(module, *args, **kwargs)
        if found is self._refused and not module.filesystem.exists(
            args[0], check_link=self.operation == "os.lstat"
        ):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), asked.shown)
        return found


_OPEN = InterceptedFunction("io", "open", "open", "open")
_OPENER = 7


class OpenCall(FakeCall):
    """`open`, by whatever name: below it is one method of pyfakefs."""

    def __init__(self, fake: FakeFileSystem, real: Callable[..., Any]) -> None:
        super().__init__(fake, _OPEN, real)

    def made(self) -> Callable[..., Any]:
        """Return what takes the place of the method."""
        real, fake, run, emptied = self.real, self.fake, self.run, self._refuse_to_empty

        @wraps(real)
        def call(opening: Any, file: Any, mode: Any = "r", *args: Any, **kwargs: Any) -> Any:
            low = kwargs.get("open_modes") is not None or isinstance(file, int)
            if low or not fake.watches(opening.filesystem) or not isinstance(mode, str):
                if isinstance(file, int) and isinstance(mode, str) and "w" in mode:
                    emptied(file)
                return real(opening, file, mode, *args, **kwargs)
            try:
                return run(opening, (file, mode, *args), kwargs)
            except BaseException as error:
                hide_frames(error)
                raise

        return call

    def _refuse_to_empty(self, descriptor: int) -> None:
        """Refuse to open a file outside the roots that is open already: pyfakefs empties it, as Python does not."""
        path = self.fake.path_of(descriptor)
        if path is not None and self.fake.watches(self.fake.filesystem):
            self._refuse_outside(Operation(self.operation, path, None, self.kind.groups), descriptor)

    def run(self, module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Ask the engines; what an opener does, it does by calls of its own."""
        call = partial(self.real, module, *args, **kwargs)
        opener = args[_OPENER] if len(args) > _OPENER else kwargs.get("opener")
        own = opener is not None and not str(opener.__module__).startswith("pathlib")
        asked = describe(self.function, args, kwargs, self.fake)
        if asked is None or (own and self.fake.is_directory(asked.path)):  # tempfile opens the file itself
            return call()
        asked = asked._replace(detail=None if own else args[1])
        return self.decide(asked, call, partial(self._elsewhere, module, asked, args, kwargs), nested=own)
