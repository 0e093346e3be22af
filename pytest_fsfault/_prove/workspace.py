"""Workspace, the directory in which the trials of a sweep run, one after the other, each in a fresh tree."""

from __future__ import annotations

import os
from contextlib import nullcontext, suppress
from inspect import iscoroutine, isgenerator, signature
from time import perf_counter
from typing import TYPE_CHECKING

from pytest_fsfault._core.language.mistakes import FsFaultError
from pytest_fsfault._host.patience import patiently
from pytest_fsfault._prove import tree_copies
from pytest_fsfault._prove.snapshots import Snapshots

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from pytest_fsfault._core.engine.interfaces import NativeFunctions
    from pytest_fsfault._prove.tree import Tree

# A tree is copied instead of built anew if that takes less than half as long, and building is worth it.
_WORTH = 0.02
# So many trees of failing trials are kept to be looked at.
_MOST_KEPT = 20


class Workspace:
    """Build, copy, put aside and keep the trees of one sweep.

    `home` is the directory that the sweep owns; its trees stand at `root`, one at a time, each in an arena of its
    own, so that what the code under test puts beside its tree is gone with it. `lingers` tells
    whether anything but files is left of a `prepare`, such as a hold or a process: no copy would have it.
    `prepare` runs in the context that `aside` returns: in real time, without faults.
    """

    def __init__(
        self,
        home: str,
        root: Path,
        prepare: Callable[[Path], object],
        native: NativeFunctions,
        lingers: Callable[[], bool],
        aside: Callable[[], AbstractContextManager[object]] = nullcontext,
        snapshots: Snapshots | None = None,
    ) -> None:
        self.home = home
        self.root = root
        self.kept: list[str] = []
        self.snapshots = snapshots or Snapshots(native)
        self._prepare = prepare
        self._native = native
        self._lingers = lingers
        self._aside = aside
        self._arena = str(root.parent)
        self._master = f"{home}/master"
        self._clones = False
        self._copied = False
        self._built = 0.0
        self._times = 0
        self.before: Tree | None = None

    def set(self) -> None:
        """Put a fresh tree at the root: built by `prepare`, or copied from the first one."""
        self._times += 1
        if self._clones:
            self._clone()
        else:
            self._build()
            if self._times == 1:
                self._first()
            else:
                self._compare()
        assert self.before is not None  # noqa: S101  # of the first tree
        self.snapshots.expect(self.before)

    def _build(self) -> None:
        self._native.mkdir(self._arena)
        self._native.mkdir(str(self.root))
        began = perf_counter()
        try:
            with self._aside():
                made = self._prepare(self.root)
        except Exception as error:
            raise FsFaultError(
                f"prepare failed for trial {self._times - 1}: {type(error).__name__}: {error}; {self._advice()}"
            ) from error
        if isgenerator(made) or iscoroutine(made):
            made.close()
            raise FsFaultError(
                f"prepare returned a {type(made).__name__}, whose body has not run; write a function that builds "
                "the tree and returns"
            )
        self._built = perf_counter() - began

    def _advice(self) -> str:
        try:
            signature(self._prepare).bind(self.root)
        except TypeError:
            return "prepare takes one argument, the directory"
        except ValueError:  # a function without a signature
            pass
        return "prepare has to build the same tree each time, in the empty directory that it is given"

    def _first(self) -> None:
        """Record what the first tree is like, and copy it, should copies be wanted."""
        lingers = self._lingers()
        self.before = self.snapshots.take(str(self.root))
        if lingers or self.before.kind != "directory":
            return
        began = perf_counter()
        tree_copies.copy(self._native, str(self.root), self._master)
        took = perf_counter() - began
        self._copied = True
        self._clones = self._built > _WORTH and took < self._built / 2

    def _compare(self) -> None:
        """Go on with copies once `prepare` has built another tree: else its changes would pass for the body's."""
        assert self.before is not None  # noqa: S101  # of the first tree
        self.snapshots.expect(self.before)
        difference = self.before.diff(self.snapshots.take(str(self.root)))
        if not difference:
            return
        if not self._copied:
            raise FsFaultError(
                f"prepare has built another tree for trial {self._times - 1}, and left more behind than files, which "
                f"a copy of the first tree would lack; let it build the same each time:\n{difference}"
            )
        self._clones = True
        self.clear()
        self._clone()

    def _clone(self) -> None:
        self._native.mkdir(self._arena)
        tree_copies.copy(self._native, self._master, str(self.root))

    def clear(self) -> None:
        """Put the tree aside, and remove it; what is still being written to is removed at the end."""
        aside = f"{self.home}/aside-{self._times}"
        self._move(aside)
        with suppress(OSError):
            tree_copies.remove(self._native, aside)

    def _move(self, place: str) -> None:
        try:
            patiently(self._native.rename, self._arena, place)
        except FileNotFoundError:
            return  # it was removed, or is aside already
        except OSError as error:
            raise FsFaultError(
                f"the tree of trial {self._times - 1} is still in use ({error}); let the body close what it opens"
            ) from error

    def keep(self, name: str) -> str:
        """Keep the tree of a failing trial; return where it is, nothing if there are enough or it is gone."""
        place = f"{self.home}/failed-{name}"
        if len(self.kept) >= _MOST_KEPT:
            self.clear()
            return ""
        self._move(place)
        self.kept.append(place)
        return f"{place}/{self.root.name}".replace(os.sep, "/")

    def close(self) -> None:
        """Remove everything but the trees that were kept."""
        kept = {os.path.basename(place) for place in self.kept}
        for name in self._native.listdir(self.home):
            if name not in kept:
                with suppress(OSError):
                    tree_copies.remove(self._native, f"{self.home}/{name}")
        if not kept:
            with suppress(OSError):
                self._native.rmdir(self.home)


def fresh(native: NativeFunctions, parent: str, name: str) -> str:
    """Make a new directory of that name, numbered if need be, and return its path."""
    number = 1
    while True:
        place = os.path.join(parent, name if number == 1 else f"{name}-{number}")
        try:
            native.mkdir(place)
        except FileExistsError:
            number += 1
            continue
        return place
