"""Let a new interpreter become kin, if a process under faults has started it: as late as possible.

To become kin takes as long as to start an interpreter, and most of what one does has nothing to do with files
under faults. So it dozes at first: what stands in front of the functions of `os`, `io` and `time` is next to
nothing, and an audit hook listens. The first call that may matter, and the import of a module that must be met
from its beginning, wake it up. Nothing is imported here that an interpreter has not imported already.
"""

import builtins
import io
import marshal
import os
import posix
import sys
import time
from _thread import RLock

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
# Modules that start threads and processes, or that make calls of other names of their own; and one that we need
# as a whole, which imports one of them.
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
    """An interpreter that is not kin yet, and what wakes it up."""

    def __init__(self, directory: str, roots: "tuple[str, ...]") -> None:
        self.directory = directory
        self.roots = roots
        self.awake = False
        self._lock = RLock()
        self._put: list[tuple[Any, str, Any, Any]] = []

    def install(self) -> None:
        """Put something in front of what may have to wake us up."""
        for name in _ONE_PATH.split():
            self._stand_before(os, name, 1)
        for name in _TWO_PATHS.split():
            self._stand_before(os, name, 2)
        for name in _CLOCKS.split():
            self._stand_before(time, name, 0)
        self._stand_before(io, "open", 1)
        self._put.append((builtins, "open", builtins.open, io.open))
        builtins.open = io.open
        for group in (
            os.supports_dir_fd,
            os.supports_fd,
            os.supports_follow_symlinks,
            os.supports_effective_ids,
        ):
            group.update({after for _, _, before, after in self._put if before in group})
        sys.addaudithook(self._listen)

    def _stand_before(self, module: "Any", name: str, paths: int) -> None:
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
            if text[:1] != "/":
                text = f"{posix.getcwd()}/{text}"
        except (TypeError, OSError):
            return False
        return ".." in text or text.startswith(self.roots)

    def _listen(self, event: str, args: "tuple[Any, ...]") -> None:
        if self.awake:
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

                replay_event(event, args, frame)

    def activate(self) -> None:
        """Become kin, and step aside for what stands before everything then."""
        with self._lock:
            if self.awake:
                return
            self.awake = True
            for module, name, real, ours in self._put:
                if getattr(module, name) is ours:
                    setattr(module, name, real)
            from pytest_fsfault._intercept.children.child.attach import attach  # noqa: PLC0415
            from pytest_fsfault._intercept.interceptor import interceptor  # noqa: PLC0415

            attach(interceptor(), self.directory)


def _has_caller() -> bool:
    try:
        sys._getframe(2)
    except ValueError:
        return False
    return True


def _forward(dormant: _Dormant, module: "Any", name: str, real: "Any", paths: int) -> "Any":
    """Return what stands before a function: whoever has taken it early may keep it."""
    # What warns of its caller has to know him; this does not.
    warns = module is io and sys.flags.warn_default_encoding

    def call(dormant: _Dormant, *args: "Any", **kwargs: "Any") -> "Any":
        if dormant.awake:
            return getattr(module, name)(*args, **kwargs)
        given = args[:paths] or tuple(kwargs.values())
        if paths and not warns and not any(map(dormant.matters, given)) and (args or kwargs):
            return real(*args, **kwargs)
        dormant.activate()
        return getattr(module, name)(*args, **kwargs)

    call.__name__ = call.__qualname__ = name
    call.__module__ = real.__module__
    call.__doc__ = real.__doc__
    # A method, since a plain function would be bound again where it becomes a class attribute.
    method: Any = type(dormant.activate)
    return method(call, dormant)


def start() -> None:
    """Doze, until something happens that matters, if the environment names a process that answers."""
    directory = os.environ.get(_KEY)
    if not directory or sys.version_info < _OLDEST or any(_TRACKER in word for word in sys.orig_argv):
        return
    if _dormant:
        return  # several ways lead here
    try:
        roots = _read(f"{directory}/roots")
        _write(f"{directory}/{posix.getpid()}.met", marshal.dumps(tuple(sys.orig_argv), 2))
    except (OSError, ValueError):
        return
    _dormant.append(_Dormant(directory, tuple(marshal.loads(roots))))  # noqa: S302  # a directory that is the user's alone
    _dormant[0].install()


_dormant: "list[_Dormant]" = []


def _read(path: str) -> bytes:
    descriptor = posix.open(path, posix.O_RDONLY)
    try:
        return posix.read(descriptor, 1 << 20)
    finally:
        posix.close(descriptor)


def _write(path: str, data: bytes) -> None:
    descriptor = posix.open(path, posix.O_WRONLY | posix.O_CREAT | posix.O_TRUNC, 0o600)
    try:
        posix.write(descriptor, data)
    finally:
        posix.close(descriptor)
