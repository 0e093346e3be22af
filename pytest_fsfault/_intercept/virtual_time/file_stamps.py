"""Show the stamps of files that were written under virtual time as instants of that time.

The system stamps files with real time. What was stamped since the clock began is shown as the virtual time of that
instant; times that `os.utime` was given stay as they are.
"""

from __future__ import annotations

import os
import sys
from operator import attrgetter
from sys import _getframe
from typing import TYPE_CHECKING, Any

from pytest_fsfault._core.clock import SECOND
from pytest_fsfault._core.engine.status import ShownStatus, with_another
from pytest_fsfault._host.originals import ORIGINALS
from pytest_fsfault._host.paths import IGNORES_CASE
from pytest_fsfault._intercept.patching.patches import Patch, bind
from pytest_fsfault._intercept.virtual_time.scope import ACTIVE, OF_PATHS
from pytest_fsfault._intercept.virtual_time.travel import wall_ns

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType
    from typing import Self

    from pytest_fsfault._core.clock import VirtualClock
    from pytest_fsfault._core.stamps import StampHistory
    from pytest_fsfault._intercept.virtual_time.scope import ClockScope

# A stat result has ten fields that can be counted, the times in three forms, and what a system has besides.
_MADE: Any = os.stat_result(range(os.stat_result.n_fields)).__reduce__()
_others: Any = attrgetter(*list(_MADE[1][1])[6:])
# What can differ between two results of one file whose ten fields are equal, but for its times in nanoseconds.
rest_of: Any = attrgetter(*[name for name in list(_MADE[1][1])[6:] if name not in {"st_blksize", "st_rdev"}])
# How many files are remembered at the most.
_MOST = 1 << 14
#: What stands for a file of which nothing is remembered (`ClockScope.seen`).
NOT_SEEN: tuple[Any, ...] = (None,) * 4
_stat = ORIGINALS["os", "stat"]
# Of the standard library, what lists directories, and its functions that hand entries on: to whoever copies a file
# with its times.
_LISTERS = frozenset(
    {"os", "glob", "pathlib", "pathlib._local", "pathlib._os", "shutil", "fnmatch", "tempfile"}
)
_HANDING_ON = frozenset({"copytree", "iterdir"})


def shown(result: Any) -> Any:
    """Return a stat result as the caller of the function that returns it is to see it."""
    kind = type(result)
    real = (
        result._real if kind is ShownStatus else result
    )  # a model of Windows has shown something else of it
    start = ACTIVE.stamps_from
    # A change of content, or of a time of it, is one of status as well; a reading is not.
    if kind not in _KINDS or (real.st_ctime_ns < start and real.st_atime_ns < start):
        return result
    found = in_virtual_time(real, _getframe(1).f_back)
    return found if kind is not ShownStatus else result if found is real else with_another(result, found)


_KINDS = frozenset({os.stat_result, ShownStatus})


# Functions of the standard library that look at no stamp and hand no status on, with their modules: most questions about
# files are theirs, and a child would have to ask its parent about each.
_LOOKERS = (
    "exists lexists isfile isdir islink ismount samefile realpath _joinrealpath"
    " rmtree _rmtree_safe_fd _rmtree_safe_fd_step _rmtree_unsafe _rmtree_islink _rmtree_isdir"
)
_BLIND: dict[str, tuple[str, ...]] = dict.fromkeys(_LOOKERS.split(), OF_PATHS)


def in_virtual_time(
    result: os.stat_result, caller: FrameType | None, path: str | None = None
) -> os.stat_result:
    """Return a stat result with stamps of the present session as `caller` is to see it; `path` is what was asked for."""
    scope = ACTIVE.scope
    is_blind = caller is not None and caller.f_globals.get("__name__") in _BLIND.get(
        caller.f_code.co_name, ()
    )
    if scope is None or is_blind or not scope.governs(caller):
        return result
    stamps = result.st_ctime_ns, result.st_mtime_ns, result.st_atime_ns
    return as_clock_shows(result, stamps, scope, result.st_ino if path is None else path)


def as_clock_shows(
    result: os.stat_result, stamps: tuple[int, int, int], scope: ClockScope, asked: str | int
) -> os.stat_result:
    """Return a stat result with stamps of the present session as callers see it who live by the clock.

    `stamps` are its times of change, of content and of access, in nanoseconds. What the clock showed at an instant never
    changes: a file that has not changed since is not looked up again. It is remembered by what was `asked` for, a path or
    an inode, since that may be another file meanwhile.
    """
    clock, seen = scope.virtual, scope.seen
    if clock is None:
        return result
    real, known, rest, shown_before = seen.get(asked, NOT_SEEN)
    is_known = stamps == known and result == real
    if is_known and rest_of(result) == rest:
        return shown_before  # type: ignore[no-any-return]
    made = _made_of_known(result, stamps, scope, clock) or _translated(result, scope, clock)
    if len(seen) >= _MOST:
        seen.clear()
    seen[asked] = result, stamps, rest_of(result), made
    return made


# Hot: each status of a file that has changed comes here, so that the steps stand in one function.
def _made_of_known(
    result: os.stat_result, stamps: tuple[int, int, int], scope: ClockScope, clock: VirtualClock
) -> os.stat_result | None:
    """Return what `_translated` does if each stamp is of before the session, or was looked up; None if not."""
    history = clock.stamp_history()
    if history is None or history.given:
        return None
    (ctime, mtime, atime), moments, epoch = stamps, history.shown, scope.epoch["time"]
    # A file that was just written has one instant three times. No moment is empty.
    changed = moments.get(ctime) or _moment(ctime, history, epoch)
    written = changed if mtime == ctime else moments.get(mtime) or _moment(mtime, history, epoch)
    read = written if atime == mtime else moments.get(atime) or _moment(atime, history, epoch)
    if changed is None or written is None or read is None:
        return None
    (c, c_, c_ns), (m, m_, m_ns), (a, a_, a_ns) = changed, written, read
    shown_as = a, m, c, a_, m_, c_, a_ns, m_ns, c_ns
    # Tuples are added faster than they are spread.
    return os.stat_result(result[:7] + shown_as + _others(result))


def _moment(real: int, history: StampHistory, epoch: int) -> tuple[int, float, int] | None:
    """Return how a stamp is shown, in seconds, whole and not, and in nanoseconds; None if it was not looked up."""
    shown = real
    if real >= ACTIVE.stamps_from:
        at = history.known.get(real)
        if at is None:
            return None
        shown = (epoch + at) // _STEP * _STEP
    if len(history.shown) >= _MOST:
        history.shown.clear()
    moment = history.shown[real] = shown // SECOND, shown / SECOND, shown
    return moment


def _translated(
    result: os.stat_result, scope: ClockScope, clock: VirtualClock, file: str = ""
) -> os.stat_result:
    """Return a stat result with the clock's times instead of real ones of the present session.

    `file` is the name of the file where its result has none.
    """
    now, epoch = wall_ns(), scope.epoch["time"]
    reals = (result.st_atime_ns, result.st_mtime_ns, result.st_ctime_ns)
    # A stamp of the future was set explicitly.
    past = [real for real in {*reals} if ACTIVE.stamps_from <= real <= now]
    found = zip(past, clock.shown_stamps(file or _file(result), past), strict=True)
    virtual = {real: (epoch + at) // _STEP * _STEP for real, at in found if at is not None}
    return _with_times(result, [virtual.get(real, real) for real in reals]) if virtual else result


def _with_times(result: os.stat_result, times: Sequence[int]) -> os.stat_result:
    """Return a stat result with other times, in nanoseconds."""
    atime, mtime, ctime = times
    return os.stat_result((
        *result[:7], atime // SECOND, mtime // SECOND, ctime // SECOND,
        atime / SECOND, mtime / SECOND, ctime / SECOND, atime, mtime, ctime, *_others(result),
    ))  # fmt: skip


def set_explicitly(path: Any, times: Any, ns: Any, dir_fd: int | None, *, follow_symlinks: bool) -> None:
    """Record that `os.utime` has succeeded: a time that it was given is shown as it is, one that it took is not."""
    scope = ACTIVE.scope
    clock = None if scope is None else scope.virtual
    if scope is None or clock is None or (history := clock.stamp_history()) is None:
        return
    try:
        found = _stat(path, dir_fd=dir_fd, follow_symlinks=follow_symlinks)
    except (OSError, TypeError, ValueError, NotImplementedError):
        return
    scope.seen.clear()  # a file may have been asked for by several paths
    set_to = (found.st_atime_ns, found.st_mtime_ns)
    if times is None and ns is None:
        clock.set_stamps(_file(found), None)
    elif max(set_to) >= history.start:
        clock.set_stamps(_file(found), set_to)


def copied_by_system(source: Any, target: Any, *, follow_symlinks: bool = True) -> None:
    """Record that the system has copied a file and its time of change, which stays as it is if it was set."""
    scope = ACTIVE.scope
    clock = None if scope is None else scope.virtual
    if scope is None or clock is None or (history := clock.stamp_history()) is None:
        return
    try:
        found, made = (_stat(path, follow_symlinks=follow_symlinks) for path in (source, target))
    except (OSError, TypeError, ValueError):
        return
    copied, shows = made.st_mtime_ns, clock.shown_stamps(_file(found), [made.st_mtime_ns])
    was_set = shows == [None] and history.start <= copied <= wall_ns()
    scope.seen.clear()
    clock.set_stamps(_file(made), (copied, copied) if was_set else None)


def _file(found: os.stat_result) -> str:
    return f"{found.st_dev}:{found.st_ino}"


# Nanoseconds. Windows keeps stamps in steps of 100 ns: a finer one would not survive `shutil.copystat`.
# https://learn.microsoft.com/windows/win32/api/minwinbase/ns-minwinbase-filetime
_STEP = 100 if IGNORES_CASE else 1
_MISSING = object()


def _fstat() -> Any:
    real = os.fstat

    def fstat(_home: object, fd: Any = _MISSING, *more: Any) -> Any:
        if fd is _MISSING or more:
            return real(*(() if fd is _MISSING else (fd, *more)))  # which says what is wrong with that
        result, start = real(fd), ACTIVE.stamps_from
        if result.st_ctime_ns < start and result.st_atime_ns < start:
            return result
        return in_virtual_time(result, _getframe().f_back)

    return bind("os", real, fstat)


def _of_listing(
    result: os.stat_result, path: Any, caller: FrameType | None, *, follow_symlinks: bool
) -> os.stat_result:
    """Return a stat result of Windows' listings in virtual time: they know no number, by which set times are known.

    https://docs.python.org/3/library/os.html#os.DirEntry.stat
    """
    scope = ACTIVE.scope
    if scope is None or scope.virtual is None or not scope.governs(caller):
        return result
    try:
        file = _file(_stat(path, follow_symlinks=follow_symlinks))
    except OSError:  # it went in between
        return result
    return _translated(result, scope, scope.virtual, file)


class StampedEntry:
    """An entry of a directory whose `stat` shows virtual time, and which is otherwise the real one."""

    __slots__ = ("_real", "name", "path")
    __class_getitem__: Any = classmethod(type(os.DirEntry[str]))

    def __init__(self, real: os.DirEntry[Any]) -> None:
        self._real, self.name, self.path = real, real.name, real.path

    # `isinstance` asks for it: it is that of the real one.
    __class__: Any = property(lambda _self: os.DirEntry)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
        """Return what the real one returns, in virtual time."""
        result = self._real.stat(follow_symlinks=follow_symlinks)
        if result.st_ino or type(result) is not os.stat_result:
            return shown(result)  # type: ignore[no-any-return]
        return _of_listing(result, self.path, _getframe().f_back, follow_symlinks=follow_symlinks)

    def __fspath__(self) -> Any:
        return self.path

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self._real.__reduce_ex__(protocol)  # which is refused

    def __repr__(self) -> str:
        return repr(self._real)


class StampedEntries(map):  # type: ignore[type-arg]  # it hands on entries without a call of Python's
    """What `os.scandir` returns, with entries that show virtual time."""

    _real: Any

    def __new__(cls, real: Any) -> Self:
        made = super().__new__(cls, StampedEntry, real)
        made._real = real
        return made

    def __enter__(self) -> Any:
        self._real.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._real.__exit__(*error)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


def listed(listing: Any) -> Any:
    """Return what `os.scandir` returns to the caller of the function that returns this."""
    scope = None if type(listing) is list else ACTIVE.scope
    if scope is None or scope.virtual is None:
        return listing
    frame = _getframe(1).f_back
    for_itself = (
        frame is not None
        and frame.f_globals.get("__name__") in _LISTERS
        and frame.f_code.co_name not in _HANDING_ON
    )
    if for_itself or not scope.governs(frame):
        return listing
    return StampedEntries(listing)


FSTAT = Patch(os, "fstat", os.fstat, _fstat())


def _copy_file() -> list[Patch]:
    """Return what stands in front of the function by which `shutil.copy2` copies on Windows from Python 3.12 on."""
    winapi = sys.modules.get("_winapi")
    real = getattr(winapi, "CopyFile2", None)
    if real is None:
        return []
    links: int = winapi.COPY_FILE_COPY_SYMLINK  # type: ignore[union-attr]

    def CopyFile2(_home: object, *args: Any, **kwargs: Any) -> Any:  # noqa: N802  # Windows' name
        result = real(*args, **kwargs)
        named = dict(zip(("existing_file_name", "new_file_name", "flags"), args, strict=False), **kwargs)
        follow = not named["flags"] & links
        copied_by_system(named["existing_file_name"], named["new_file_name"], follow_symlinks=follow)
        return result

    return [Patch(winapi, "CopyFile2", real, bind("_winapi", real, CopyFile2))]


COPY_FILE = _copy_file()
