"""Install wrappers in front of the functions of the fake file system that is active, and remove them."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Any

from pytest_fsfault._intercept.calls.functions import FUNCTIONS
from pytest_fsfault._intercept.fake.calls import (
    AskingCall,
    FakeCall,
    OpenCall,
)
from pytest_fsfault._intercept.fake.composites import composites, own_composites, with_default_functions
from pytest_fsfault._intercept.fake.derived import comparing, removing, touching, walking
from pytest_fsfault._intercept.fake.filesystem import filesystem_of
from pytest_fsfault._intercept.fake.isolation import patcher
from pytest_fsfault._intercept.fake.open_files import Files
from pytest_fsfault._intercept.patching.early_bound import EarlyBound
from pytest_fsfault._intercept.patching.patches import Patch, Patches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import CellType

    from pytest_fsfault._core.engine.interfaces import Sessions
    from pytest_fsfault._intercept.calls.functions import InterceptedFunction
    from pytest_fsfault._intercept.calls.state import InterceptState
    from pytest_fsfault._intercept.fake.filesystem import FakeFileSystem

_STAT, _LSTAT = (next(one for one in FUNCTIONS if one.operation == name) for name in ("os.stat", "os.lstat"))
# Functions of `os.path`, the operation by which the real ones find out, and their answer where that is refused.
_ASKING = (
    ("exists", _STAT, False),
    ("isfile", _STAT, False),
    ("isdir", _STAT, False),
    ("lexists", _LSTAT, False),
    ("islink", _LSTAT, False),
    ("getsize", _STAT, None),
    ("getmtime", _STAT, None),
    ("getatime", _STAT, None),
    ("getctime", _STAT, None),
)


class FakeInstallation:
    """The fake file system that is in force, if there is one."""

    def __init__(self, state: InterceptState, times: Mapping[int, tuple[Any, Any]]) -> None:
        self._state = state
        self._times = times
        self._cells: list[tuple[CellType, Any]] = []
        self._patches = Patches()
        self._defaults: list[tuple[Any, tuple[Any, ...]]] = []
        self._early_bound: EarlyBound | None = None
        self._real: dict[Sessions, tuple[str, ...]] = {}
        self._known: dict[Sessions, tuple[Any, tuple[str, ...]]] = {}
        self.fake: FakeFileSystem | None = None

    def enter(self) -> None:
        """Stand before the functions of the fake that is in force now."""
        self.fake = filesystem_of(patcher())
        self.fake.state = self._state
        self._put(self.fake)
        self._state.on_fake = True
        for engine in self._state.engines:
            self.adopt(engine)

    def leave(self) -> None:
        """Take everything away that `enter` put in place."""
        self._state.on_fake = False
        for engine in list(self._real):
            self.release(engine)
        if self._early_bound is not None:
            self._early_bound.restore()
        self._patches.uninstall()
        for function, before in self._defaults:
            function.__defaults__ = before
        self._defaults = []
        for cell, original in self._cells:
            cell.cell_contents = original
        self._cells = []

    # The roots of a session are others here.

    def adopt(self, engine: Sessions) -> None:
        """Let a session watch the fake while that is in force."""
        fake = self.fake
        if fake is None or not self._state.on_fake or engine in self._real:
            return
        self._real[engine] = engine.roots
        known, roots = self._known.get(engine, (None, ()))
        engine.roots = roots if known is fake else fake.roots(engine.named)
        engine.on_filesystem_change(fake)

    def release(self, engine: Sessions) -> None:
        """Let a session watch the real file system again."""
        real = self._real.pop(engine, None)
        if real is not None:
            if engine.ended is not None and self.fake is not None:
                self.fake.forget_below(engine.roots)
            self._known[engine] = (self.fake, engine.roots)
            engine.roots = real
            engine.on_filesystem_change(None)

    # What stands before pyfakefs's own.

    def _put(self, fake: FakeFileSystem) -> None:
        for owner, name, make in self._functions(fake):
            self._exchange_function(vars(owner).get(name), make)
        found = list(composites(fake))
        defaults = list(with_default_functions(fake))
        self._patches = Patches([*self._methods(fake), *own_composites(fake), *found])
        self._patches.install()
        # These may have been bound early; what pyfakefs has of its own is reached in any case.
        pairs = {id(patch.original): (patch.original, patch.wrapper) for patch in found}
        for function in defaults:
            before = function.__defaults__ or ()
            self._defaults.append((function, before))
            function.__defaults__ = tuple(pairs.get(id(value), (value, value))[1] for value in before)
        self._early_bound = EarlyBound(self._state.callers)
        self._early_bound.register(pairs, self._times)
        self._early_bound.replace()

    def _functions(
        self, fake: FakeFileSystem
    ) -> Iterator[tuple[type, str, Callable[[Any], Callable[..., Any]]]]:
        home, paths = type(fake.os), type(fake.os.path)
        for row in FUNCTIONS:
            if row.module == "os":
                yield home, row.function, partial(_call, fake, row)
        for name, function, refused in _ASKING:
            yield paths, name, partial(_asking, fake, function, refused)
        yield home, "removedirs", partial(removing, fake)
        yield paths, "samefile", partial(comparing, fake)

    def _exchange_function(self, function: Any, make: Callable[[Any], Callable[..., Any]]) -> None:
        """Exchange what a function of pyfakefs calls, so that all who have the function call it."""
        cell = _cell(function)
        if cell is not None:
            original = cell.cell_contents
            self._cells.append((cell, original))
            cell.cell_contents = make(original)

    def _methods(self, fake: FakeFileSystem) -> Iterator[Patch]:
        module = sys.modules
        opening = module["pyfakefs.fake_open"].FakeFileOpen
        yield Patch(opening, "call", vars(opening)["call"], OpenCall(fake, vars(opening)["call"]).made())
        wrapper = module["pyfakefs.fake_file"].FakeFileWrapper
        for name, made in Files(fake, wrapper).methods():
            yield Patch(wrapper, name, vars(wrapper)[name], made)
        scanning = module["pyfakefs.fake_scandir"]
        contents = vars(scanning).get("_classify_directory_contents")
        if contents is not None:
            yield Patch(scanning, "_classify_directory_contents", contents, walking(fake, contents))
        path = module["pyfakefs.fake_pathlib"].FakePath
        yield Patch(path, "touch", vars(path)["touch"], touching(fake, vars(path)["touch"]))
        usage = type(fake.modules["shutil"])
        function = next(one for one in FUNCTIONS if one.function == "disk_usage")
        call = FakeCall(fake, function, vars(usage)["disk_usage"])
        yield Patch(usage, "disk_usage", call.real, call.made())


def _call(
    fake: FakeFileSystem, function: InterceptedFunction, real: Callable[..., Any]
) -> Callable[..., Any]:
    return FakeCall(fake, function, real).made()


def _asking(
    fake: FakeFileSystem, function: InterceptedFunction, refused: Any, real: Callable[..., Any]
) -> Callable[..., Any]:
    return AskingCall(fake, function, real, refused).made()


def _cell(function: Any) -> CellType | None:
    """Return where a function of pyfakefs has what it passes a call on to."""
    code, closure = getattr(function, "__code__", None), getattr(function, "__closure__", None)
    if code is None or not closure:
        return None
    found: dict[str, CellType] = dict(zip(code.co_freevars, closure, strict=True))
    return found.get("f")
