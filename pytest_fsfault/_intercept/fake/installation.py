"""Fakes, what the switch knows of fake file systems: which is in force, and what stands before its functions."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Any

from pytest_fsfault._intercept.calls.functions import FUNCTIONS
from pytest_fsfault._intercept.fake.calls import (
    AskingCall,
    DescriptorCall,
    FakeCall,
    OpenCall,
    PathCall,
    TwoPathCall,
)
from pytest_fsfault._intercept.fake.composites import composites
from pytest_fsfault._intercept.fake.derived import comparing, removing, touching, walking
from pytest_fsfault._intercept.fake.filesystem import filesystem_of
from pytest_fsfault._intercept.fake.isolation import patcher
from pytest_fsfault._intercept.fake.open_files import Files
from pytest_fsfault._intercept.patching.early_bound import EarlyBound
from pytest_fsfault._intercept.patching.patches import Patch, Patches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import CellType

    from pytest_fsfault._core.engine.engine import Engine
    from pytest_fsfault._intercept.calls.state import InterceptState
    from pytest_fsfault._intercept.fake.filesystem import FakeFileSystem

_SHAPES: dict[str, type[FakeCall]] = {
    "path": PathCall,
    "two paths": TwoPathCall,
    "descriptor": DescriptorCall,
    "two descriptors": DescriptorCall,
}
# Functions of `os.path`, the operation by which the real ones find out, and their answer where that is refused.
_ASKING = (
    ("exists", "os.stat", False),
    ("isfile", "os.stat", False),
    ("isdir", "os.stat", False),
    ("lexists", "os.lstat", False),
    ("islink", "os.lstat", False),
    ("getsize", "os.stat", None),
    ("getmtime", "os.stat", None),
    ("getatime", "os.stat", None),
    ("getctime", "os.stat", None),
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
        self._real: dict[Engine, tuple[str, ...]] = {}
        self._known: dict[Engine, tuple[Any, tuple[str, ...]]] = {}
        self.place: FakeFileSystem | None = None

    def enter(self) -> None:
        """Stand before the functions of the fake that is in force now."""
        self.place = filesystem_of(patcher())
        self.place.state = self._state
        self._put(self.place)
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

    def forget(self) -> None:
        """Let go of the last fake: the sessions are over."""
        self.place = self._early_bound = None
        self._known.clear()

    # The roots of a session are others here.

    def adopt(self, engine: Engine) -> None:
        """Let a session watch the fake while that is in force."""
        place = self.place
        if place is None or not self._state.on_fake or engine in self._real:
            return
        self._real[engine] = engine.roots
        known, roots = self._known.get(engine, (None, ()))
        engine.roots = roots if known is place else place.roots(engine.named)
        engine.on_filesystem_change(place)

    def release(self, engine: Engine) -> None:
        """Let a session watch the real file system again."""
        real = self._real.pop(engine, None)
        if real is not None:
            if engine.ended is not None and self.place is not None:
                self.place.forget_below(engine.roots)
            self._known[engine] = (self.place, engine.roots)
            engine.roots = real
            engine.on_filesystem_change(None)

    # What stands before pyfakefs's own.

    def _put(self, place: FakeFileSystem) -> None:
        for owner, name, make in self._functions(place):
            self._exchange_function(vars(owner).get(name), make)
        found = list(composites(place))
        self._patches = Patches([*self._methods(place), *found])
        self._patches.install()
        # These may have been bound early; what pyfakefs has of its own is reached in any case.
        pairs = {id(patch.original): (patch.original, patch.wrapper) for patch in found}
        for function in [patch.original for patch in found if patch.name in {"copytree", "move"}]:
            before = function.__defaults__ or ()
            self._defaults.append((function, before))
            function.__defaults__ = tuple(pairs.get(id(value), (value, value))[1] for value in before)
        self._early_bound = EarlyBound(self._state.callers)
        self._early_bound.register(pairs, self._times)
        self._early_bound.put()

    def _functions(
        self, place: FakeFileSystem
    ) -> Iterator[tuple[type, str, Callable[[Any], Callable[..., Any]]]]:
        home, paths = type(place.os), type(place.os.path)
        for row in FUNCTIONS:
            if row.module == "os" and row.shape in _SHAPES:
                yield home, row.function, partial(_call, _SHAPES[row.shape], place, row.operation)
        for name, operation, refused in _ASKING:
            yield paths, name, partial(_asking, place, operation, refused)
        yield home, "removedirs", partial(removing, place)
        yield paths, "samefile", partial(comparing, place)

    def _exchange_function(self, function: Any, make: Callable[[Any], Callable[..., Any]]) -> None:
        """Exchange what a function of pyfakefs calls, so that all who have the function call it."""
        cell = _cell(function)
        if cell is not None:
            original = cell.cell_contents
            self._cells.append((cell, original))
            cell.cell_contents = make(original)

    def _methods(self, place: FakeFileSystem) -> Iterator[Patch]:
        module = sys.modules
        opening = module["pyfakefs.fake_open"].FakeFileOpen
        yield Patch(opening, "call", vars(opening)["call"], OpenCall(place, vars(opening)["call"]).made())
        wrapper = module["pyfakefs.fake_file"].FakeFileWrapper
        for name, made in Files(place, wrapper).methods():
            yield Patch(wrapper, name, vars(wrapper)[name], made)
        scanning = module["pyfakefs.fake_scandir"]
        contents = vars(scanning).get("_classify_directory_contents")
        if contents is not None:
            yield Patch(scanning, "_classify_directory_contents", contents, walking(place, contents))
        path = module["pyfakefs.fake_pathlib"].FakePath
        yield Patch(path, "touch", vars(path)["touch"], touching(place, vars(path)["touch"]))
        usage = type(place.modules["shutil"])
        call = PathCall(place, "shutil.disk_usage", vars(usage)["disk_usage"])
        yield Patch(usage, "disk_usage", call.real, call.made())


def _call(
    shape: type[FakeCall], place: FakeFileSystem, operation: str, real: Callable[..., Any]
) -> Callable[..., Any]:
    return shape(place, operation, real).made()


def _asking(
    place: FakeFileSystem, operation: str, refused: Any, real: Callable[..., Any]
) -> Callable[..., Any]:
    return AskingCall(place, operation, real, refused).made()


def _cell(function: Any) -> CellType | None:
    """Return where a function of pyfakefs has what it passes a call on to."""
    code, closure = getattr(function, "__code__", None), getattr(function, "__closure__", None)
    if code is None or not closure:
        return None
    found: dict[str, CellType] = dict(zip(code.co_freevars, closure, strict=True))
    return found.get("f")
