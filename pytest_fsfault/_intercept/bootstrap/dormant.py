"""Attach a new interpreter to the process under faults that started it, as late as possible.

Attaching costs as much as starting Python, so it is deferred: thin forwarders in front of `os`, `io` and `time`
and an audit hook watch for the first call that may concern a root, and for the import of a module that has to be
wrapped from its beginning. Nothing is imported here that an interpreter has not imported already.
"""

import builtins
import io
import os
import sys
import time
from _thread import RLock

if sys.platform == "win32":
    from nt import _getfullpathname  # type: ignore[attr-defined]  # typeshed has none
else:
    from posix import getcwd

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_KEY = "FSFAULT_CHILD"
_OLDEST = (3, 11)
# The helper of `multiprocessing` does nothing on files that anybody tests.
_TRACKER = "multiprocessing.resource_tracker"
_ONE_PATH = "remove unlink rmdir mkdir open stat lstat access listdir scandir chmod lchmod utime truncate readlink chdir"
_TWO_PATHS = "rename replace link symlink"
_CLOCKS = "sleep monotonic perf_counter time monotonic_ns perf_counter_ns time_ns"
# Importing these activates: they start threads or processes, bind functions early, or are needed by ourselves.
_ACTIVATING = frozenset(
    ["tempfile", "shutil", "threading", "subprocess", "asyncio", "multiprocessing", "concurrent", "mmap"]
)
_OURS = f"{__name__.partition('.')[0]}._"
_EVENTS = frozenset(
    [
        "open",
        "os.rename",
        "os.remove",
        "os.rmdir",
        "os.mkdir",
        "os.listdir",
        "os.scandir",
        "os.chmod",
        "os.utime",
        "os.truncate",
        "os.link",
        "os.symlink",
        "os.chdir",
        "mmap.__new__",
    ]
)


class _Dormant:
    """An interpreter that is not attached yet, and what activates it."""

    def __init__(self, directory: str, roots: "tuple[str, ...]") -> None:
        self.directory = directory
        self.roots = tuple(map(_comparable, roots)) if sys.platform == "win32" else roots
        self.active = False
        self._lock = RLock()
        self._put: list[tuple[Any, str, Any, Any]] = []

    def install(self) -> None:
        """Install the forwarders."""
        for name in _ONE_PATH.split():
            self._forward_from(os, name, 1)
        for name in _TWO_PATHS.split():
            self._forward_from(os, name, 2)
        for name in _CLOCKS.split():
            self._forward_from(time, name, 0)
        self._forward_from(io, "open", 1)
        self._put.append((builtins, "open", builtins.open, io.open))
        builtins.open = io.open
        for group in (
            os.supports_dir_fd,
            os.supports_fd,
            os.supports_follow_symlinks,
            os.supports_effective_ids,
        ):
            group.update({after for _, _, before, after in self._put if before in group})
        sys.addaudithook(self._on_event)

    def _forward_from(self, module: "Any", name: str, paths: int) -> None:
        real = getattr(module, name, None)
        if real is not None:
            self._put.append((module, name, real, _forward(self, module, name, real, paths)))
            setattr(module, name, self._put[-1][3])

    def matters(self, path: "Any") -> bool:
        """Return whether a path may be below a root."""
        if isinstance(path, int) or path is None:
            return False
        try:
            text = os.fsdecode(path)
            if sys.platform != "win32":
                text = text if text[:1] == "/" else f"{getcwd()}/{text}"
                return ".." in text or text.startswith(self.roots)
            # An 8.3 name and a prefix need a closer look.
            return "~" in text or text[:2] in _PREFIXES or _comparable(text).startswith(self.roots)
        except (TypeError, ValueError, OSError):
            return False

    # Hot: an audit hook hears every event of an interpreter; most end at its second test.
    def _on_event(self, event: str, args: "tuple[Any, ...]") -> None:
        if self.active:
            return
        if event == "import":
            # Ours before any of them is half loaded.
            if args[0].partition(".")[0] in _ACTIVATING or args[0].startswith(_OURS):
                self.activate()
        elif event in _EVENTS and (self.matters(args[0]) or (len(args) > 1 and self.matters(args[1]))):
            frame = sys._getframe(1) if _has_caller() else None
            if frame is not None and not frame.f_code.co_filename.startswith("<frozen "):
                self.activate()
                from pytest_fsfault._intercept.calls.audit_hook import replay_event  # noqa: PLC0415
                from pytest_fsfault._intercept.patching.tracebacks import hide_frames  # noqa: PLC0415

                try:
                    replay_event(event, args, frame)
                except BaseException as error:
                    hide_frames(error)
                    raise

    def activate(self) -> None:
        """Remove the forwarders and attach."""
        with self._lock:
            if self.active:
                return
            self.active = True
            for module, name, real, ours in self._put:
                if getattr(module, name) is ours:
                    setattr(module, name, real)
            from pytest_fsfault._intercept.children.child.attach import attach  # noqa: PLC0415
            from pytest_fsfault._intercept.interceptor import interceptor  # noqa: PLC0415

            attach(interceptor(), self.directory)


_PREFIXES = ("\\\\", "//", "\\/", "/\\")


def _comparable(path: str) -> str:
    """Return a path of Windows as two spellings of it have it in common, but for 8.3 names."""
    if sys.platform == "win32":
        return str(_getfullpathname(path)).replace("\\", "/").lower()
    return path


def _has_caller() -> bool:
    try:
        sys._getframe(2)
    except ValueError:
        return False
    return True


def _forward(dormant: _Dormant, module: "Any", name: str, real: "Any", paths: int) -> "Any":
    """Return the forwarder of a function; who bound it early may keep it."""
    # What warns of its caller has to know him; this does not.
    warns = module is io and sys.flags.warn_default_encoding

    # Hot: stands before each call of an interpreter that nothing concerns yet, so that it calls nothing.
    def call(dormant: _Dormant, *args: "Any", **kwargs: "Any") -> "Any":
        if not dormant.active:
            given = args[:paths] or tuple(kwargs.values())
            if warns or not paths or any(map(dormant.matters, given)) or not (args or kwargs):
                dormant.activate()
        function = getattr(module, name) if dormant.active else real
        try:
            return function(*args, **kwargs)
        except BaseException as error:
            # Nobody sees in a traceback who stood between.
            error.__traceback__ = error.__traceback__ and error.__traceback__.tb_next
            raise

    call.__name__ = call.__qualname__ = name
    call.__module__ = real.__module__
    call.__doc__ = real.__doc__
    # A method, since a plain function would be bound again where it becomes a class attribute.
    method: Any = type(dormant.activate)
    return method(call, dormant)


def start() -> None:
    """Install the dormant bootstrap, if the environment names a parent that is there."""
    directory = os.environ.get(_KEY)
    if not directory or sys.version_info < _OLDEST or any(_TRACKER in word for word in sys.orig_argv):
        return
    if _dormant:
        return  # several ways lead here
    from pytest_fsfault._intercept.children.rendezvous import report_start  # noqa: PLC0415

    roots = report_start(directory)
    if roots is not None:
        _dormant.append(_Dormant(directory, roots))
        _dormant[0].install()


_dormant: "list[_Dormant]" = []
