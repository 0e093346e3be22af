"""Wire the Windows model to a session: its room knows neither the interception nor the clock."""

from __future__ import annotations

import os
import sys
from functools import partial
from typing import TYPE_CHECKING

from pytest_fsfault._core.engine.records import Handling
from pytest_fsfault._core.language.roots import below_root, within
from pytest_fsfault._host.originals import NATIVE
from pytest_fsfault._intercept.fake.fake_functions import native, native_of
from pytest_fsfault._intercept.fake.filesystem import FakeFileSystem, in_force
from pytest_fsfault._intercept.interceptor import interceptor
from pytest_fsfault._intercept.virtual_time.file_stamps import copied_by_system
from pytest_fsfault._windows.judges.copyfile2 import Winapi
from pytest_fsfault._windows.judges.mappings import mapping_class
from pytest_fsfault._windows.model import WindowsModel
from pytest_fsfault._windows.open_files.fake import FakeOpenFiles
from pytest_fsfault._windows.open_files.this_process import OpenFiles
from pytest_fsfault._windows.reactions import Reactions
from pytest_fsfault._windows.state import WindowsState
from pytest_fsfault._windows.upkeep import follow_links
from pytest_fsfault._windows.versions import version as _version
from pytest_fsfault._windows.windows import Windows

if TYPE_CHECKING:
    from pytest_fsfault._core.engine.engine import Engine
    from pytest_fsfault._core.language.operations import Operation
    from pytest_fsfault._windows.versions import Version


#: Whether the system that runs the test is the one that is modelled.
ON_WINDOWS = os.name == "nt"


def windows(engine: Engine, version: str, options: dict[str, bool], seed: int | str) -> Windows:
    """Give a session the model of one version of Windows, and return what its user holds."""
    refresh = interceptor().refresh
    scenes = _Scenes(engine, _version(version, options))
    state = scenes.at(in_force())
    reactions = Reactions(state, seed, partial(_below, engine), refresh)
    responsible, note = partial(_responsible, engine), partial(_note, engine)
    winapi = Winapi(_absolute, responsible, note, copied_by_system)
    model = WindowsModel(state, reactions, winapi, partial(mapping_class, responsible, note))
    engine.model = model
    engine.on_filesystem_change = lambda there: model.move(scenes.at(there))
    engine.plan.ignore_case = not state.version.case_sensitive
    made = Windows(model, _site)
    follow_links(made, engine.roots)
    return made


class _Scenes:
    """The scenes of one session: that of the real file system, and one for each fake."""

    def __init__(self, engine: Engine, version: Version) -> None:
        self._engine = engine
        self._version = version
        self._known: dict[object, WindowsState] = {}

    def at(self, there: object) -> WindowsState:
        """Return the scene for a fake, or for the real file system."""
        if there not in self._known:
            self._known[there] = self._make(there)
        return self._known[there]

    def _make(self, there: object) -> WindowsState:
        clock = self._engine.clock
        now, changed = (lambda: clock.now), interceptor().refresh
        if isinstance(there, FakeFileSystem):
            functions = native_of(there)
            return WindowsState(functions, self._version, FakeOpenFiles(functions), now, changed, fake=True)
        open_files = OpenFiles(NATIVE)
        open_files.note_mapping()
        return WindowsState(NATIVE, self._version, open_files, now, changed, on_windows=ON_WINDOWS)


def _absolute(path: str) -> str:
    return str(native().absolute(path))


def _below(engine: Engine, path: str) -> str:
    return below_root(path, engine.roots) or path


def _responsible(engine: Engine, source: str, target: str) -> WindowsModel | None:
    """Return the model if a copy from one path to another happens below a root, while the gate is open."""
    covered = engine.gate and (within(source, engine.roots) or within(target, engine.roots))
    here = interceptor().callers.locate(sys._getframe(2)) is not None
    return engine.model if covered and here else None  # type: ignore[return-value]


def _note(engine: Engine, operation: Operation, reason: str, error: OSError) -> None:
    site = interceptor().callers.locate(sys._getframe(2)) or ""
    winerror = getattr(error, "winerror", None)
    verdict = Handling(f"WinError {winerror}", reason, engine.clock.now)
    engine.count(operation.name, 1, [operation.path])
    engine.journal.note(operation._replace(call_site=site), verdict, "raised", error)


def _site() -> str:
    """Return ``"test_x.py:12"``, the user's line that is running."""
    found = interceptor().callers.locate(sys._getframe(2)) or ""
    return os.path.basename(found)
