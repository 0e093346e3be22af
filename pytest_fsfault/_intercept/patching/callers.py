"""Tell from the stack who calls: the code under test, or the machinery around it."""

from __future__ import annotations

from _thread import _local
from contextlib import contextmanager
from os import sep
from os.path import join
from typing import TYPE_CHECKING, Any

from pytest_fsfault._host.package import BETWEEN, HANDED_ON, MACHINERY, PACKAGE, STDLIB

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import FrameType

Stack = tuple[tuple[str, int], ...]

_PACKAGES = ("site-packages", "dist-packages")
# Libraries that call what they were handed: the line that interests is the one before them.
_CALL_THROUGH = frozenset(
    ["tenacity", "stamina", "backoff", "retrying", "wrapt", "decorator", "anyio", "trio", "pytest_mock"]
)
# Where an event loop calls back what was handed to it: `Handle._run`.
_CALLBACKS = STDLIB + join("asyncio", "events.py")
# pyfakefs's own; its tests are not among them.
_FAKES = "pyfakefs.fake_"
# Reading a source line to show it is not the work of the code under test.
_DISPLAY = frozenset({"linecache", "tokenize", "inspect"})


def is_named_temporary(frame: FrameType | None) -> bool:
    """Return whether `tempfile.NamedTemporaryFile` opens a file that is to go with its last handle."""
    for _ in range(20):
        if frame is None:
            return False
        if frame.f_code.co_name == "NamedTemporaryFile" and frame.f_globals.get("__name__") == "tempfile":
            return bool(frame.f_locals.get("delete")) and bool(frame.f_locals.get("delete_on_close", True))
        frame = frame.f_back
    return False


def _is_library(filename: str, module: str) -> bool:
    """Return whether code works for its caller: the standard library, and what calls are passed through."""
    if module.partition(".")[0] in _CALL_THROUGH or module in HANDED_ON or module.startswith(_FAKES):
        return True
    in_stdlib = filename.startswith(STDLIB) and not any(part in filename for part in _PACKAGES)
    return in_stdlib or filename.startswith("<frozen ")


class Callers:
    """Sort stack frames; `machinery` names further modules that run or debug the tests."""

    def __init__(self) -> None:
        self.machinery: frozenset[str] = frozenset()
        self._tested: frozenset[str] = (
            frozenset()
        )  # plugins that are under test, also in a run of pytest within it
        self._kinds: dict[str, str] = {}
        self._told: Any = _local()  # of a thread that speaks for another: the lines that are at work there

    def add_machinery(self, modules: Iterable[str], tested: Iterable[str] = ()) -> None:
        """Count `modules`, and what lies below them, as machinery from now on, but never those that are `tested`."""
        self._tested |= frozenset(tested)
        self.machinery = (self.machinery | frozenset(modules)) - self._tested
        self._kinds.clear()

    def is_machinery(self, module: str) -> bool:
        """Return whether a module of this name belongs to pytest, its plugins or a debugger."""
        parts = module.split(".")
        if parts[0] in MACHINERY:
            return module not in HANDED_ON
        return any(".".join(parts[: end + 1]) in self.machinery for end in range(len(parts)))

    def is_project(self, filename: str, module: str) -> bool:
        """Return whether code of this file and module is the code under test, or a test."""
        return self._kind(filename, module) == "project"

    def locate(self, frame: FrameType | None) -> str | None:
        """Return ``"file:line"`` of the code under test that `frame` works for; None if it is machinery.

        Frames of ours, of the standard library and of libraries that only call through are passed over.
        """
        fallback = handed = None
        while frame is not None:
            code = frame.f_code
            kind = self._kinds.get(code.co_filename) or self._sort(frame)
            if kind == "project":
                return f"{code.co_filename}:{frame.f_lineno}"
            if kind == "machinery":
                return handed
            if kind == "library":
                fallback = fallback or f"{code.co_filename}:{frame.f_lineno}"
                if code.co_name == "_run" and code.co_filename == _CALLBACKS:
                    handed = fallback  # a loop may be run by a plugin; what it calls back is the test's
            frame = frame.f_back
        return fallback or "<unknown>:0"

    def stack(self, frame: FrameType | None, base: FrameType | None) -> Stack:
        """Return the lines of the project that `frame` works for, the innermost first, down to `base`.

        A line that recursion comes back to is there once. A frame that is called from elsewhere, such as a thread of
        its own, has no `base` below: all of its lines count.
        """
        told: Stack | None = getattr(self._told, "stack", None)
        if told is not None:
            return told
        found: dict[tuple[str, int], None] = {}
        while frame is not None:
            file = frame.f_code.co_filename
            kind = self._kinds.get(file) or self._sort(frame)
            if kind == "project":
                found[file, frame.f_lineno] = None
            if frame is base or (kind == "machinery" and found):
                break
            frame = frame.f_back
        return tuple(found)

    @contextmanager
    def speaking_for(self, stack: Stack | None) -> Iterator[None]:
        """Let `stack` be the lines that are at work, for what this thread does in the block."""
        self._told.stack = stack
        try:
            yield
        finally:
            self._told.stack = None

    def _sort(self, frame: FrameType) -> str:
        filename = frame.f_code.co_filename
        module = frame.f_globals.get("__name__")
        kind = self._kind(filename, module if isinstance(module, str) else "")
        # Code made by `exec` shares its file name, such as "<string>", with that of other modules.
        if not filename.startswith("<"):
            self._kinds[filename] = kind
        return kind

    def _kind(self, filename: str, module: str) -> str:
        if filename.startswith(BETWEEN):
            return "ours"
        imports = filename.startswith((PACKAGE, "<frozen importlib", "<frozen zipimport", "<frozen runpy"))
        if imports or module in _DISPLAY or self.is_machinery(module):
            return "machinery"
        return "library" if _is_library(filename, module) else "project"


def is_py_path(frame: FrameType | None) -> bool:
    """Return whether a call comes from the `py.path` that pytest carries (`tmpdir`), which is machinery."""
    for _ in range(_CLOSE):
        if frame is None:
            return False
        if frame.f_code.co_filename.endswith(_PY_PATH):
            return True
        frame = frame.f_back
    return False


# So many frames at most are between `py.path` and the function that it calls.
_CLOSE = 8
_PY_PATH = tuple(f"{folder}{sep}{file}" for folder, file in (("_py", "path.py"), ("_path", "local.py")))
