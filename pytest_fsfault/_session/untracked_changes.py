"""Notice afterwards what was changed below the roots although no call that we have seen changed it."""

from __future__ import annotations

import os
from stat import S_ISDIR
from typing import TYPE_CHECKING

from pytest_fsfault._core.engine.engine import Engine
from pytest_fsfault._core.language.rules import Rule
from pytest_fsfault._host.links import is_junction
from pytest_fsfault._host.paths import IGNORES_CASE, one_form
from pytest_fsfault._intercept.children.rendezvous import is_ours
from pytest_fsfault._intercept.fake.fake_functions import native
from pytest_fsfault._intercept.fake.filesystem import in_force
from pytest_fsfault._intercept.interceptor import interceptor
from pytest_fsfault._prove.injection_points import Recorder
from pytest_fsfault._prove.untracked import untracked

if TYPE_CHECKING:
    from collections.abc import Iterator

    #: What tells one state of a file from another: its kind, identity, size and time.
    State = dict[str, tuple[int, ...]]

# What is mapped may be changed without a call.
_CHANGES = ("mutate", "mmap.mmap")


class ChangeRecorder:
    """An engine that decides nothing, around a session: it writes down what changes the tree."""

    def __init__(self, session: Engine) -> None:
        self._session = session
        self.engine = Engine(
            session.clock, session.roots, children=session.children, ignore_case=IGNORES_CASE
        )
        self.engine.native = session.native
        self._recorder = Recorder(Rule(_CHANGES, fault="EIO", optional=True), tuple)
        self.engine.plan.add(self._recorder)
        self._before: State | None = None
        self._found: dict[str, None] = {}

    def start(self) -> None:
        """Begin to record, before the session is started."""
        interceptor().start(self.engine)

    def stop(self) -> None:
        """Stop recording."""
        interceptor().stop(self.engine)

    def begin(self) -> None:
        """Look at the tree: the gate is about to be opened."""
        if self._before is None:
            self.engine.roots = self._session.roots
            self._recorder.calls.clear()
            self._before = dict(_state(self._session.roots))

    def end(self) -> None:
        """Look at the tree again: the gate has been shut."""
        if self._before is not None:
            before, self._before = self._before, None
            self._compare(before, dict(_state(self._session.roots)))

    def _touched(self) -> set[str]:
        """Return the paths of all calls: each may have meant a link itself, or what it leads to."""
        named = {path for call in self._recorder.calls for path in (call.path, call.target) if path}
        return {form for path in named for form in (_real(path), _followed(path))}

    def _compare(self, before: State, after: State) -> None:
        differs = [path for path in before.keys() | after.keys() if before.get(path) != after.get(path)]
        touched = self._touched()
        # A file has changed under all of its names.
        files = {state[path][0] for state in (before, after) for path in touched & state.keys()}
        for path in sorted(differs):
            there = {state[path][0] for state in (before, after) if path in state}
            if touched.isdisjoint(_upwards(path)) and files.isdisjoint(there):
                self._found[path] = None

    def findings(self) -> Iterator[str]:
        """Yield a sentence for each path."""
        for path in self._found:
            yield untracked(path)


def _state(roots: tuple[str, ...]) -> Iterator[tuple[str, tuple[int, ...]]]:
    here = native()
    waiting = list(dict.fromkeys(_real(root).rstrip("/") for root in roots))
    while waiting:
        directory = waiting.pop()
        try:
            names = here.listdir(f"{directory}/")
        except OSError:
            continue
        for name in names:
            path = f"{directory}/{name}"
            try:
                status = here.lstat(path)
            except OSError:
                continue
            if is_ours(f"{path}/"):
                continue
            if S_ISDIR(status.st_mode):
                if not is_junction(status):  # one may lead upwards
                    waiting.append(path)
                yield path, (status.st_ino,)
            else:
                yield path, (status.st_ino, status.st_size, status.st_mtime_ns)


def _real(path: str) -> str:
    """Return a path with the links above its last component resolved; a fake has few."""
    if in_force() is not None:
        return path
    head, _, tail = path.rpartition("/")
    return f"{one_form(os.path.realpath(f'{head}/'), '').rstrip('/')}/{tail}"


def _followed(path: str) -> str:
    """Return the path of what is at a path once all links are followed; a fake has few."""
    return path if in_force() is not None else one_form(os.path.realpath(path), "")


def _upwards(path: str) -> Iterator[str]:
    while path:
        yield path
        path = path.rpartition("/")[0]
