"""Functions of `shutil`, which pyfakefs leaves as they are: what they call is fake."""

from __future__ import annotations

import shutil
from functools import partial
from typing import TYPE_CHECKING, Any

from pytest_fsfault._intercept.calls.arguments import by_position, describe
from pytest_fsfault._intercept.calls.functions import FUNCTIONS
from pytest_fsfault._intercept.calls.refusals import handled
from pytest_fsfault._intercept.fake.calls import FakeCall, paths_of
from pytest_fsfault._intercept.patching.patches import Patch, bind
from pytest_fsfault._intercept.patching.tracebacks import hide_frames

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_fsfault._intercept.calls.functions import InterceptedFunction
    from pytest_fsfault._intercept.fake.filesystem import FakeFileSystem


class Composite(FakeCall):
    """One function of `shutil`; the calls that it makes are operations of their own."""

    def __init__(self, fake: FakeFileSystem, function: InterceptedFunction, real: Callable[..., Any]) -> None:
        super().__init__(fake, function, real)
        code = getattr(real, "__code__", None) or getattr(type(real).__call__, "__code__", None)
        skipped = 0 if getattr(real, "__code__", None) else 1
        self.names = paths_of(function, code.co_varnames[skipped : code.co_argcount] if code else ())

    def made(self) -> Callable[..., Any]:
        """Return what takes the place of the function."""

        def function(_home: Any, /, *args: Any, **kwargs: Any) -> Any:
            try:
                return self.run(None, args, kwargs)
            except BaseException as error:
                hide_frames(error)
                raise

        return bind("shutil", self.real, function)  # type: ignore[no-any-return]

    def run(self, module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Ask the engines."""
        del module
        args, kwargs = by_position(self.names, args, kwargs)
        call = partial(self.real, *args, **kwargs)
        if not self.fake.watches(self.fake.filesystem):
            return call()
        asked = describe(self.function, args, kwargs, self.fake)
        if asked is None:
            return call()
        return handled(self.operation, partial(self.decide, asked, nested=True), call, args, kwargs)


class OwnComposite(FakeCall):
    """One that pyfakefs has of its own, as it has `copy2` on Windows from Python 3.12 on in the place of CopyFile2."""

    def run(self, module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Ask the engines."""
        args, kwargs = by_position(self.names, args, kwargs)
        call = partial(self.real, module, *args, **kwargs)
        asked = describe(self.function, args, kwargs, self.fake)
        return call() if asked is None else self.decide(asked, call, nested=True)


def own_composites(fake: FakeFileSystem) -> Iterator[Patch]:
    """Yield what stands before the functions of `shutil` that pyfakefs has itself; they take the others from `shutil`."""
    owner = type(fake.modules["shutil"])
    for row in FUNCTIONS:
        real = vars(owner).get(row.function) if row.operation == "shutil.copy2" else None
        if real is not None:
            yield Patch(owner, row.function, real, OwnComposite(fake, row, real).made())


def with_default_functions(fake: FakeFileSystem) -> Iterator[Callable[..., Any]]:
    """Yield the functions that have one of `shutil` as the default of an argument."""
    for space in (vars(shutil), vars(type(fake.modules["shutil"]))):
        yield from (space[name] for name in ("copytree", "move") if name in space)


def composites(fake: FakeFileSystem) -> Iterator[Patch]:
    """Yield what stands before the functions of `shutil`."""
    for row in FUNCTIONS:
        real = vars(shutil).get(row.function) if row.module == "shutil" else None
        if real is not None and row.function != "disk_usage":
            yield Patch(shutil, row.function, real, Composite(fake, row, real).made())
