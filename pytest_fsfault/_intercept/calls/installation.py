"""Every name that is patched while the wrappers are installed on the real file system."""

from __future__ import annotations

import atexit
import builtins
import io
import os
import shutil
import sys
import time
from typing import TYPE_CHECKING, Any

from pytest_fsfault._host.originals import ORIGINALS
from pytest_fsfault._intercept.calls import audit_hook, path_questions
from pytest_fsfault._intercept.calls.descriptors import DescriptorWrapper
from pytest_fsfault._intercept.calls.functions import FUNCTIONS
from pytest_fsfault._intercept.calls.one_path import PathWrapper
from pytest_fsfault._intercept.calls.open_files import make_file_calls
from pytest_fsfault._intercept.calls.opening import OpenWrapper
from pytest_fsfault._intercept.calls.two_paths import TwoPathWrapper
from pytest_fsfault._intercept.calls.wrapper import WRAPPERS
from pytest_fsfault._intercept.patching.early_bound import EarlyBound
from pytest_fsfault._intercept.patching.mocks import described
from pytest_fsfault._intercept.patching.patches import Patch, Patches, is_again
from pytest_fsfault._intercept.virtual_time.time_functions import VirtualTime

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from pytest_fsfault._intercept.calls.state import InterceptState

_SHAPES = {
    "path": PathWrapper,
    "two paths": TwoPathWrapper,
    "open": OpenWrapper,
    "descriptor": DescriptorWrapper,
    "two descriptors": DescriptorWrapper,
}
_MODULES = {"os": os, "io": io, "shutil": shutil}
_SUPPORTS = (os.supports_dir_fd, os.supports_fd, os.supports_follow_symlinks, os.supports_effective_ids)
# Windows has no fast copy: without it `copyfile` meets file.read and file.write, as there.
_FAST_COPIES = ("_USE_CP_SENDFILE", "_USE_CP_COPY_FILE_RANGE", "_HAS_FCOPYFILE")
#: The functions of `time`, by their ids, with their wrappers.
TIMES = {id(original): (original, wrapper) for original, wrapper in VirtualTime.exchanges.items()}


class Installation:
    """The wrappers, made once for a state, and all the places where they stand in for the originals."""

    def __init__(self, state: InterceptState) -> None:
        self._state = state
        self._files: dict[int, tuple[Any, Any]] = {}
        self._patches = Patches()
        self._early_bound = EarlyBound(state.callers)
        for row in FUNCTIONS:
            real = ORIGINALS.get((row.module, row.function))
            if real is not None:
                WRAPPERS[row.module, row.function] = _SHAPES[row.shape](state, row, real)
        make_file_calls(state)
        for wrapper in WRAPPERS.values():
            self._files[id(wrapper.real)] = (wrapper.real, wrapper.call)
        self._patches.extend(_patches())
        self._add_questions()
        self._defaults = [
            (function, before, after)
            for function in (shutil.copytree, shutil.move)
            if (before := function.__defaults__ or ()) != (after := tuple(map(self._wrapped, before)))
        ]
        self._attributes = list(self._glob_methods())
        self._supports = _supports()  # whose sets hold wrappers, before the references to them are counted
        self._early_bound.register(self._files, TIMES)
        atexit.register(self._early_bound.forget)

    def _add_questions(self) -> None:
        questions = list(path_questions.patches())
        self._patches.extend(questions)
        self._files.update({id(one.original): (one.original, one.wrapper) for one in questions})

    def _glob_methods(self) -> Iterator[tuple[type, str, object, object]]:
        """Yield the static methods of the classes of `glob` that are functions of ours, with what replaces them."""
        if sys.version_info < (3, 13):  # where it has no classes
            return
        import glob  # noqa: PLC0415

        for owner in vars(glob).values():
            if isinstance(owner, type):
                for name, value in vars(owner).items():
                    if (
                        isinstance(value, staticmethod)
                        and self._wrapped(value.__func__) is not value.__func__
                    ):
                        yield owner, name, value, staticmethod(self._wrapped(value.__func__))

    def install(self) -> None:
        """Put the wrappers in place."""
        self._patches.install()
        for supported, added in self._supports:
            supported.update(added)
        for function, _, after in self._defaults:
            function.__defaults__ = after
        for owner, name, _, wrapped in self._attributes:
            setattr(owner, name, wrapped)
        audit_hook.activate(self._state)
        self._early_bound.replace()

    def uninstall(self) -> None:
        """Put the originals back."""
        audit_hook.deactivate()
        self._patches.uninstall()
        for function, before, _ in self._defaults:
            function.__defaults__ = before
        for owner, name, original, _ in self._attributes:
            setattr(owner, name, original)
        for supported, added in self._supports:
            supported.difference_update(added)
        self._early_bound.restore()

    def sweep(self) -> None:
        """Put originals back where a mock, undone after the end, has put a wrapper again."""
        self._patches.uninstall()
        VirtualTime().sweep()

    def extend(self, patches: list[Patch], *, now: bool) -> None:
        """Append `patches`; put them in place `now`, or with the others."""
        self._patches.extend(patches)
        if now:
            self._patches.install()

    def _wrapped(self, value: Any) -> Any:
        return self._files.get(id(value), (value, value))[1]


def _patches() -> list[Patch]:
    found = [
        Patch(_MODULES[module], name, wrapper.real, wrapper.call)
        for (module, name), wrapper in WRAPPERS.items()
    ]
    opening = WRAPPERS["io", "open"]
    found.append(Patch(builtins, "open", opening.real, opening.call))
    found += [Patch(shutil, name, True, False) for name in _FAST_COPIES if getattr(shutil, name, False)]
    return found


def _supports() -> list[tuple[set[Any], set[Any]]]:
    """Return each set of `os.supports_*` with the wrappers whose originals are in it."""
    return [
        (supported, {wrapper.call for wrapper in WRAPPERS.values() if wrapper.real in supported})
        for supported in _SUPPORTS
    ]


def replaced(operations: Collection[str], seen: Mapping[tuple[str, str], str]) -> dict[str, str]:
    """Return by operation what stands in the place of its function, if that is neither Python's nor ours.

    `seen` has what stood there for a while.
    """
    found: dict[str, str] = {}
    for (module, name), wrapper in WRAPPERS.items():
        if wrapper.operation not in operations:
            continue
        spaces = [module, "builtins"] if name == "open" and module == "io" else [module]
        for space in spaces:
            there = vars(_MODULES.get(space, builtins)).get(name)
            if there not in (None, wrapper.real, wrapper.call) and not is_again(there, wrapper.real):
                found.setdefault(wrapper.operation, f"{space}.{name} is {described(there)}")
            elif (space, name) in seen:
                found.setdefault(wrapper.operation, seen[space, name])
    return found


def replaced_sleep(seen: Mapping[tuple[str, str], str]) -> str:
    """Return what stands in the place of `time.sleep`, or stood there for a while; nothing if it is Python's or ours."""
    there = time.sleep
    if all(there is not one for pair in TIMES.values() for one in pair):
        return f"time.sleep is {described(there)}"
    return seen.get(("time", "sleep"), "")
