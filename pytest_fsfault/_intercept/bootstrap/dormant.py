"""Attach a new interpreter to the process under faults that started it, as late as possible.

Attaching costs as much as starting Python, so it is deferred: thin forwarders in front of `os`, `io`, `time` and
`threading` and an audit hook watch for the first call that may concern a root, that waits or that starts something,
and for the import of a module that has to be wrapped from its beginning. Nothing is imported here that an interpreter
has not imported already, but `threading` for who imports it.
"""

import builtins
import gc
import io
import os
import sys
import time
from _thread import RLock

from pytest_fsfault._intercept.children.rendezvous import (
    is_filtered,
    is_of_a_handler,
    page_of,
    read_private,
    report_failure,
    report_start,
)

if sys.platform == "win32":
    from nt import _getfullpathname  # type: ignore[attr-defined]  # typeshed has none
else:
    from posix import getcwd

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_KEY = "FSFAULT_CHILD"
_OLDEST = (3, 11)
# The helper of `multiprocessing` does nothing on files that are under test.
_TRACKER = "multiprocessing.resource_tracker"
_ONE_PATH = "remove unlink rmdir mkdir open stat lstat access listdir scandir chmod lchmod utime truncate readlink chdir"
_TWO_PATHS = "rename replace link symlink"
_CLOCKS = "sleep monotonic perf_counter time monotonic_ns perf_counter_ns time_ns"
# These tell the present as well, where the argument after so many others is missing.
_CALENDAR = {"localtime": 0, "gmtime": 0, "ctime": 0, "asctime": 0, "strftime": 1}
_DIGITS = 20  # of a number of nanoseconds
_FROZEN = gc.get_freeze_count()  # objects that the interpreter itself has set apart
# Importing these activates: they bind functions early, or start processes of which no event tells.
_ACTIVATING = frozenset(["asyncio", "multiprocessing", "concurrent", "mmap"])
# These as well, if the parent's sessions want it: a model changes how they work, and a rule may be about `shutil`.
_ON_DEMAND = {"a": frozenset(["tempfile", "shutil", "threading", "subprocess"]), "s": frozenset(["shutil"])}
_OURS = f"{__name__.partition('.')[0]}._"
_ATTACHING = f"{_OURS}intercept.children.child.attach"
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
# What starts something, or waits for others: a long-lived child shares the clock.
_STARTS = frozenset(
    [
        "subprocess.Popen",
        "os.posix_spawn",
        "os.system",
        "os.spawn",
        "_winapi.CreateProcess",
        "os.startfile/2",
        "_thread.start_new_thread",
        "socket.__new__",
    ]
)


class _Dormant:
    """An interpreter that is not attached yet, and what activates it."""

    def __init__(self, directory: str, head: str, roots: "tuple[str, ...]") -> None:
        self.directory = directory
        wanted, _, epoch = head.partition(":")
        self._activating = _ACTIVATING.union(*(_ON_DEMAND.get(letter, ()) for letter in wanted))
        # When virtual time began, in nanoseconds.
        self._epoch = int(epoch) if epoch.isdecimal() and len(epoch) < _DIGITS else None
        self._everywhere = "g" in wanted  # calls outside the roots are refused as well
        self._guards = "threading" not in self._activating
        self.roots = tuple(map(_comparable, roots)) if sys.platform == "win32" else roots
        self.active = False
        self._lock = RLock()
        self._told = False  # whether the parent was told why this could not be attached
        self._put: list[tuple[Any, str, Any, Any]] = []

    def install(self) -> None:
        """Install the forwarders."""
        for name in _ONE_PATH.split():
            self._forward_from(os, name, 1)
        for name in _TWO_PATHS.split():
            self._forward_from(os, name, 2)
        for name in (*_CLOCKS.split(), *_CALENDAR):
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
            return self._everywhere or self._may_be_below(os.fsdecode(path))
        except (TypeError, ValueError, OSError):
            return False

    def _may_be_below(self, text: str) -> bool:
        if sys.platform != "win32":
            text = text if text[:1] == "/" else f"{getcwd()}/{text}"
            return ".." in text or text.startswith(self.roots)
        # An 8.3 name and a prefix need a closer look.
        return "~" in text or text[:2] in _PREFIXES or _comparable(text).startswith(self.roots)

    # Hot: an audit hook hears every event of an interpreter; most end at its second test.
    def _on_event(self, event: str, args: "tuple[Any, ...]") -> None:
        if self.active:
            return
        if event == "import":
            # Ours before any of them is half loaded.
            if args[0].partition(".")[0] in self._activating or args[0].startswith(_OURS):
                self.activate()
            elif self._guards and args[0] == "threading":
                self._guard_threads()
        elif event in _STARTS:
            self.activate()
        elif (
            event in _EVENTS
            and (self.matters(args[0]) or (len(args) > 1 and self.matters(args[1])))
            and _has_caller()
            and not sys._getframe(1).f_code.co_filename.startswith("<frozen ")
        ):
            # The hook that attaching installs hears this very event, since it comes after this one.
            self.activate()

    def _guard_threads(self) -> None:
        """Load `threading` before its importer does, and stand before what starts threads and what waits."""
        self._guards = False
        import threading  # noqa: PLC0415

        for owner, name in ((threading.Thread, "start"), (threading.Condition, "wait")):
            real = vars(owner)[name]
            self._put.append((owner, name, real, _guard(self, owner, name, real)))
            setattr(owner, name, self._put[-1][3])

    def wall_ns(self) -> "int | None":
        """Return the time of day by the clock of the parent; None if it is not readable from here."""
        if self._epoch is None or sys.platform == "win32":  # where the page has no file
            return None
        try:
            page = read_private(page_of(self.directory))
        except OSError:
            return None
        return self._epoch + int.from_bytes(page[16:24], sys.byteorder, signed=True)

    def activate(self) -> None:
        """Remove the forwarders and attach; where that is not possible, the program goes on, and its next call tries again."""
        with self._lock:
            if self.active:
                return
            try:
                self._exchange(active=True)
                if not sys.is_finalizing():  # a finaliser, when nothing can be imported any more
                    self._attach()
            except BaseException as error:
                attached: Any = getattr(sys.modules.get(_ATTACHING), "is_attached", None)
                if attached is None or not attached():
                    self._exchange(active=False)
                if not isinstance(error, Exception) or is_of_a_handler(error):
                    raise
                if not self._told:
                    self._told = True
                    report_failure(self.directory, error)

    def _exchange(self, *, active: bool) -> None:
        """Put the real functions where the forwarders stand, or the other way round."""
        self.active = True  # what stands there calls on, whatever comes between
        for module, name, real, ours in self._put:
            before, after = (ours, real) if active else (real, ours)
            if getattr(module, name, None) is before:
                setattr(module, name, after)
        self.active = active

    def _attach(self) -> None:
        # What is loaded stays: looking for garbage in it takes a tenth of the time.
        collects = gc.isenabled()
        gc.disable()
        try:
            from pytest_fsfault._host.bytecode import BytecodeFinder  # noqa: PLC0415

            with BytecodeFinder():
                from pytest_fsfault._intercept.children.child.attach import attach  # noqa: PLC0415
                from pytest_fsfault._intercept.interceptor import interceptor  # noqa: PLC0415

                attach(interceptor(), self.directory)
        finally:
            _pass_over_new()
            if collects:
                gc.enable()


def _pass_over_new() -> None:
    """Let the collector take all objects for old ones: the next look for garbage would go through each of them."""
    if gc.get_freeze_count() == _FROZEN:  # nobody has frozen what is not to be touched
        gc.freeze()
        gc.unfreeze()


_PREFIXES = ("\\\\", "//", "\\/", "/\\", "\\?")


def _comparable(path: str) -> str:
    """Return a path of Windows as two spellings of it have it in common, but for 8.3 names."""
    if sys.platform == "win32":
        return str(_getfullpathname(path.replace("/", "\\"))).replace("\\", "/").lower()
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
            if not paths and name in _WALLS and _is_logging(sys._getframe().f_back):
                shown = dormant.wall_ns()
                if shown is not None:
                    return shown if name == "time_ns" else shown / 1_000_000_000
            if (
                warns
                or not (paths or _is_told(name, args))
                or any(map(dormant.matters, given))
                or not (args or kwargs)
            ):
                dormant.activate()
        # At the interpreter's end the module may be empty.
        function = (getattr(module, name, None) if dormant.active else real) or real
        while True:
            try:
                return function(*args, **kwargs)
            except BaseException as error:
                if type(error) is InterruptedError and _is_broken_off(error):
                    continue
                # A traceback does not show the forwarder.
                error.__traceback__ = error.__traceback__ and error.__traceback__.tb_next
                raise

    call.__name__ = call.__qualname__ = name
    call.__module__ = real.__module__
    call.__doc__ = real.__doc__
    # A method, since a plain function would be bound again where it becomes a class attribute.
    method: Any = type(dormant.activate)
    return method(call, dormant)


def _is_broken_off(error: BaseException) -> bool:
    """Return whether a signal has broken off a call about which the kernel asks: see `_intercept.calls.repeating`."""
    trace = error.__traceback__
    return sys.platform == "linux" and trace is not None and trace.tb_next is None and is_filtered()


_WALLS = ("time", "time_ns")


def _is_told(name: str, args: "tuple[Any, ...]") -> bool:
    """Return whether a function of the calendar gets the time that it is about: `logging` gives it for each record."""
    return len(args) > _CALENDAR.get(name, len(args)) and args[-1] is not None


def _is_logging(frame: "Any") -> bool:
    """Return whether `logging` reads the clock while it is imported: every installer does that, for no file's sake."""
    return bool(frame and frame.f_globals.get("__name__") == "logging" and frame.f_code.co_name == "<module>")


def _guard(dormant: _Dormant, owner: type, name: str, real: "Any") -> "Any":
    """Return what stands before a method of a class, and activates."""

    def call(*args: "Any", **kwargs: "Any") -> "Any":
        dormant.activate()
        try:
            return getattr(owner, name)(*args, **kwargs)
        except BaseException as error:
            error.__traceback__ = error.__traceback__ and error.__traceback__.tb_next
            raise

    for attribute in ("__name__", "__qualname__", "__module__", "__doc__"):
        setattr(call, attribute, getattr(real, attribute))
    call.__wrapped__ = real  # type: ignore[attr-defined]  # its signature is that
    return call


def start() -> None:
    """Install the dormant bootstrap, if the environment names a parent that is there."""
    directory = os.environ.get(_KEY)
    if not directory or sys.version_info < _OLDEST or any(_TRACKER in word for word in sys.orig_argv):
        return
    if _dormant:
        return  # several ways lead here
    words = report_start(directory)
    if words:
        _dormant.append(_Dormant(directory, words[0], words[1:]))
        _dormant[0].install()


_dormant: "list[_Dormant]" = []
