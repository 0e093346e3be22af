"""Functions of `shutil`, which pyfakefs leaves as they are: what they call is fake."""

from __future__ import annotations

import shutil
from functools import partial
from typing import TYPE_CHECKING, Any

from pytest_fsfault._core.language.operations import Operation
from pytest_fsfault._intercept.calls.functions import FUNCTIONS
from pytest_fsfault._intercept.fake.calls import FakeCall
from pytest_fsfault._intercept.patching.patches import Patch, bind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_fsfault._intercept.fake.filesystem import FakeFileSystem


class Composite(FakeCall):
    """One function of `shutil`; the calls that it makes are operations of their own."""

    def __init__(self, place: FakeFileSystem, operation: str, real: Callable[..., Any]) -> None:
        super().__init__(place, operation, real)
        code = getattr(real, "__code__", None) or getattr(type(real).__call__, "__code__", None)
        skipped = 0 if getattr(real, "__code__", None) else 1
        self._names = code.co_varnames[skipped : code.co_argcount] if code else ()

    def made(self) -> Callable[..., Any]:
        """Return what takes the place of the function."""

        def function(_home: Any, /, *args: Any, **kwargs: Any) -> Any:
            __tracebackhide__ = True
            return self.run(None, args, kwargs)

        return bind("shutil", self.real, function)  # type: ignore[no-any-return]

    def run(self, module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Ask the engines."""
        del module
        __tracebackhide__ = True
        call = partial(self.real, *args, **kwargs)
        if not self.place.concerns(self.place.filesystem):
            return call()
        asked = self.asked(args, kwargs)
        return call() if asked is None else self.decide(asked, call, nested=True)

    def asked(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Operation | None:
        """Return the operation of one path, or of two."""
        src, dst = self.argument(args, kwargs, 0), self.argument(args, kwargs, 1)
        try:
            source, shown = self.place.resolve(src)
            target, shown_target = self.place.resolve(dst) if self.kind.two_paths else (None, None)
        except TypeError:
            return None
        if source is None or (self.kind.two_paths and target is None):
            return None
        return Operation(self.operation, source, target, self.kind.groups, shown, shown_target)


def composites(place: FakeFileSystem) -> Iterator[Patch]:
    """Yield what stands before the functions of `shutil`."""
    for row in FUNCTIONS:
        real = vars(shutil).get(row.function) if row.module == "shutil" else None
        if real is not None and row.function != "disk_usage":
            yield Patch(shutil, row.function, real, Composite(place, row.operation, real).made())
