"""Read an error as a rule writes it, and build the exception that CPython raises for it on Windows."""

from __future__ import annotations

import builtins
import copy
import errno as _errno
import os
import re
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

from pytest_fsfault._core.language.mistakes import FsFaultError, clipped, nearest
from pytest_fsfault._core.language.rows import Row
from pytest_fsfault._core.language.winerrors import (
    HIGHEST_CODE,
    NAMES,
    NATIVE,
    NATIVE_DEFAULT,
    STRERRORS,
    ucrt_errno,
    winerror_errno,
    winerror_text,
)

if TYPE_CHECKING:
    from pytest_fsfault._core.language.operations import Family

    Filename = str | bytes | int | None

# pytest leaves the frames of this module out of tracebacks: they are not the user's.
__tracebackhide__ = True

#: Transient rule errors: another process lets go, and the same call succeeds. Left out: EMFILE and
#: ERROR_USER_MAPPED_FILE (the program's own doing, as a rule), EINTR (CPython repeats the call, PEP 475),
#: ENOTEMPTY (POSIX unlinks at once, so what is there is new), EPERM (a sandbox, for good), ERROR_INVALID_NAME and
#: ERROR_DELETE_PENDING (the first does not pass, the second reaches Python as ERROR_ACCESS_DENIED).
TRANSIENT: tuple[str, ...] = (
    "ERROR_ACCESS_DENIED",  # rename of a directory that is being scanned, or onto an open file; delete-pending
    "ERROR_SHARING_VIOLATION",  # a scanner, indexer or second job has the file open without FILE_SHARE_DELETE
    "ERROR_LOCK_VIOLATION",  # another process locks a region; retried by SQLite, PostgreSQL and others next to 5 and 32
    "ERROR_DIR_NOT_EMPTY",  # children that wait for their last handle to close
    "EACCES",  # WSL1 refuses to rename a directory while anything below it is open
    "EBUSY",  # mounts, network and FUSE file systems; retried by graceful-fs, pnpm and rimraf
    "ENFILE",  # the system's table of open files is full
    "ENOMEM",  # the kernel is out of memory
)

_ON_WINDOWS = os.name == "nt"
# Read only to explain a mistake, so not compiled at import.
_LIKE_WINERROR = r"(?ai)\W*(?:win_?error|(?:os )?error)?\W*0*([1-9][0-9]{0,4})\W*"
_LIKE_ERRNO = r"(?ai)\W*errno\W*([0-9]{1,5})\W*"
_LONGEST = 100  # characters of what might be the name of an error
_ANY = (
    "write a Windows name such as 'ERROR_SHARING_VIOLATION', a number as in 'WinError 32', "
    "or an errno name of this system such as 'EACCES'"
)
# For who writes the class of an error; several errors have one class.
_CLASSES_OF = {
    "PermissionError": "'EACCES' or 'ERROR_ACCESS_DENIED'",
    "FileNotFoundError": "'ENOENT' or 'ERROR_FILE_NOT_FOUND'",
    "FileExistsError": "'EEXIST' or 'ERROR_ALREADY_EXISTS'",
    "NotADirectoryError": "'ENOTDIR' or 'ERROR_DIRECTORY'",
    "IsADirectoryError": "'EISDIR'",
    "BlockingIOError": "'EAGAIN'",
    "InterruptedError": "'EINTR'",
    "TimeoutError": "'ETIMEDOUT'",
    "BrokenPipeError": "'EPIPE' or 'ERROR_NO_DATA'",
    "OSError": "'EIO' or 'WinError 1117'",
}
_ERRNOS = {name: number for name, number in vars(_errno).items() if isinstance(number, int)}
#: Of an errno of the host the Windows error that means the same.
WINERRORS_OF = {_ERRNOS[name]: code for name, code in NATIVE.items() if name in _ERRNOS}


class ErrorName(Row):
    """An error as a rule writes it; `str` gives the text back.

    `winerror` is None for an error written by errno name; `errno` is the host's number, for a Windows error that
    of the errno which CPython derives from it.
    """

    text: str
    winerror: int | None
    errno: int

    def __str__(self) -> str:
        return self.text

    @property
    def meaning(self) -> tuple[int | None, int]:
        """Return what two spellings of one error have in common."""
        return self.winerror, self.errno


def parse_error(text: str) -> ErrorName:
    """Read ``ERROR_SHARING_VIOLATION``, ``WinError 32`` or ``EACCES``; raise FsFaultError for anything else."""
    code = _code(text)
    if code is not None:
        return ErrorName(text, code, _host_errno(winerror_errno(code)))
    if isinstance(text, str) and text in _ERRNOS:
        return ErrorName(text, None, _ERRNOS[text])
    raise FsFaultError(_mistake(text))


def build(error: ErrorName, family: Family, filename: Filename = None, filename2: Filename = None) -> OSError:
    """Return the exception that CPython raises on Windows for `error` from an operation of `family`.

    The file names stand in it as given; a second one only after a first. An error written by errno name is the
    host's plain OSError whatever the family.
    Sources: CPython Python/errors.c, Objects/exceptions.c; for the family "errno" UCRT misc/errno.cpp.
    """
    if error.winerror is None:
        return plain_error(error.errno, os.strerror(error.errno), filename, filename2)
    if family == "winerror":
        return _windows(error.winerror, error.errno, filename, filename2)
    name = ucrt_errno(error.winerror)
    exc = plain_error(_host_errno(name), STRERRORS[name], filename, filename2)
    add_winerror(exc, "errno")
    return exc


def windows_error(
    code: int | str,
    path: str | bytes | os.PathLike[str] | os.PathLike[bytes] | None = None,
    path2: str | bytes | os.PathLike[str] | os.PathLike[bytes] | None = None,
) -> OSError:
    """Return the exception that CPython's `os` functions raise on Windows, for a mock of your own.

    `code` is a number such as 32 or a name such as ``"ERROR_SHARING_VIOLATION"``. The second path is for calls
    that take two. Raise FsFaultError for what is neither.
    """
    found = _code(f"WinError {code}" if type(code) is int else code)
    if found is None:
        hint = nearest(code, NAMES) if isinstance(code, str) and code not in _ERRNOS else ""
        raise FsFaultError(
            f"{code!r} is not a Windows error: write a number from 1 to {HIGHEST_CODE}, such as 32, or a name, "
            f"such as 'ERROR_SHARING_VIOLATION'{hint}"
        )
    if path is None and path2 is not None:
        raise FsFaultError(f"path2={path2!r} needs a first path: give path too")
    return _windows(found, _host_errno(winerror_errno(found)), _fspath(path), _fspath(path2))


windows_error.__module__ = "pytest_fsfault"


def add_winerror(exc: OSError, family: Family) -> None:
    """Give a native error the attribute `winerror` that it would have on Windows; never fail.

    An error of the C runtime has None there, and so has one without an errno.
    """
    with suppress(Exception):
        if _ON_WINDOWS or hasattr(exc, "winerror"):
            return
        mapped = family == "winerror" and isinstance(exc.errno, int)
        vars(exc)["winerror"] = WINERRORS_OF.get(cast("int", exc.errno), NATIVE_DEFAULT) if mapped else None


class WindowsError(OSError):
    """What CPython's OSError is on Windows, where its own copies lose the `winerror`: these keep it, and so do theirs."""

    winerror: int

    def __str__(self) -> str:
        text = f"[WinError {self.winerror}] {self.strerror}"
        if self.filename is None:
            return text
        text = f"{text}: {self.filename!r}"
        return text if self.filename2 is None else f"{text} -> {self.filename2!r}"

    # The class cannot be pickled by its name, which is the builtin's; nor can the builtin, which protocols 0 to 2
    # write as Python 2's OSError.
    def __reduce__(self) -> tuple[Any, ...]:
        named = type(self).__name__, self.args, self.filename, self.filename2
        return restore, named, {**vars(self), "winerror": self.winerror}


class _EqualToBuiltin(type):
    """The type of classes that are equal to their builtin: in comparisons, in sets, in tables by class.

    A class of ours is needed, since `OSError.__str__` shows no Windows error off Windows, and on Windows
    `OSError.__reduce__` leaves the code out (CPython Objects/exceptions.c). So ``type(error) is PermissionError`` alone tells them apart;
    ``type(error) == PermissionError`` holds.
    """

    def __eq__(cls, other: object) -> bool:
        return other is cls or other is cls.__bases__[-1]

    def __hash__(cls) -> int:
        return hash(cls.__bases__[-1])


_CLASSES: dict[str, type[WindowsError]] = {}


def _class(name: str) -> type[WindowsError]:
    if name not in _CLASSES:
        builtin = getattr(builtins, name)
        space = {"__module__": "builtins", "__doc__": builtin.__doc__}
        made: Any = _EqualToBuiltin(name, (WindowsError, builtin), space)
        # Of two threads that come here together, both get the first one's class.
        _CLASSES.setdefault(name, made)
    return _CLASSES[name]


def restore(name: str, args: tuple[Any, ...], filename: Filename, filename2: Filename) -> WindowsError:
    """Return an error of a class that stands in for a builtin, as it was before it was pickled."""
    exc = _class(name)(*args)
    if filename is not None:
        exc.filename = filename
    if filename2 is not None:
        exc.filename2 = filename2
    return exc


def copied(error: BaseException) -> BaseException:
    """Return a copy of an error without its traceback, its chain and its frames.

    The copy of an OSError that Windows itself raised would lose its `winerror`, so such an error is built anew. An exception that refuses to be copied
    is replaced by one that says the same.
    """
    try:
        kept = _copied_on_windows(error) if _ON_WINDOWS and isinstance(error, OSError) else copy.copy(error)
    except Exception:  # noqa: BLE001  # an exception that is not ours may do anything
        kept = Exception(f"{type(error).__name__}: {error}")
    return kept.with_traceback(None)


#: Stands for the attribute `winerror` where an error has none.
NO_WINERROR = "none"


def winerror_of(error: OSError) -> int | str | None:
    """Return the attribute `winerror` of an error, `NO_WINERROR` without one."""
    if sys.platform == "win32":  # a member of every OSError, None for those of the C runtime
        return error.winerror
    found: int | str | None = vars(error).get("winerror", NO_WINERROR)
    return found


def speaks_windows(error: OSError) -> bool:
    """Return whether the error of an emulated file system is one of Windows already.

    On Windows each OSError has the attribute `winerror`, though what is emulated leaves it empty or has another text.
    """
    return isinstance(error, WindowsError) if _ON_WINDOWS else winerror_of(error) != NO_WINERROR


def _copied_on_windows(error: OSError) -> OSError:
    code = winerror_of(error)
    if isinstance(error, WindowsError):
        return copy.copy(error)
    if isinstance(code, int):
        given = error.errno, error.strerror, error.filename, code, error.filename2
        kept = with_winerror(*given) if type(error).__module__ == "builtins" else type(error)(*given)
    else:
        kept = copy.copy(error)
        if error.filename2 is not None:  # CPython's copy then shows "[WinError None]"
            kept = type(error)(error.errno, error.strerror, error.filename)
            kept.filename2 = error.filename2
    vars(kept).update(vars(error))
    return kept


def _windows(code: int, number: int, filename: Filename, filename2: Filename) -> OSError:
    # As in errors.c all five arguments are passed: without a file name they stay in `args`, with one they shrink
    # to (errno, strerror). Windows derives errno, and with it the class, from the code.
    arguments = (number, winerror_text(code), filename, code, None if filename is None else filename2)
    exc = _class(type(OSError(number, "")).__name__)(*arguments)
    exc.winerror = code
    return exc


def with_winerror(
    number: int | None, text: str | None, filename: Filename, code: int, filename2: Filename
) -> OSError:
    """Return an error that Windows has raised, such that its copies keep the code."""
    exc = _class(type(OSError(number, "")).__name__)(number, text, filename, code, filename2)
    exc.winerror = code
    return exc


def plain_error(number: int, text: str, filename: Filename, filename2: Filename) -> OSError:
    """Return the plain error of an errno, with its file names set as given."""
    if filename is None:
        return OSError(number, text)
    exc = OSError(number, text, filename)
    # Set, not passed: as an argument it would need a winerror before it, which Windows then shows.
    if filename2 is not None:
        exc.filename2 = filename2
    return exc


def _host_errno(name: str) -> int:
    return _ERRNOS.get(name, _errno.EINVAL)


def _code(text: object) -> int | None:
    """Return the code of a Windows error written by name or as ``WinError N``, or None."""
    if not isinstance(text, str):
        return None
    word, _, digits = text.partition(" ")
    if word != "WinError":
        return NAMES.get(text)
    # Only the spelling that `str` of the number gives back, so that one error has one text.
    written = digits.isascii() and digits.isdecimal() and len(digits) <= len(str(HIGHEST_CODE))
    code = int(digits) if written and digits[0] != "0" else 0
    return code if 0 < code <= HIGHEST_CODE else None


def _mistake(text: object) -> str:
    shown = str(text)
    if len(shown) > _LONGEST:
        return f"{clipped(shown)!r} is not a valid error name: {_ANY}"
    if shown in _CLASSES_OF:
        return f"{text!r} is not a valid error name: it is a class; did you mean {_CLASSES_OF[shown]}?"
    return f"{text!r} is not a valid error name: {_advice(text, shown)}"


def _advice(text: object, shown: str) -> str:
    """Return what to write instead of a text that names no error."""
    found = re.fullmatch(_LIKE_WINERROR, shown)
    if found or shown.lower().startswith("winerror"):
        meant = f"WinError {found[1]}" if found else ""
        hint = f"; did you mean {meant!r}?" if _code(meant) else ""
        return f"write 'WinError' and a number from 1 to {HIGHEST_CODE}, such as 'WinError 32'{hint}"
    if found := re.fullmatch(_LIKE_ERRNO, shown):
        name = _errno.errorcode.get(int(found[1]))
        return "write an errno by its name, such as 'EACCES'" + (f"; did you mean {name!r}?" if name else "")
    if shown.startswith("ERROR_"):
        return f"write a known Windows name, or its number as in 'WinError 32'{nearest(shown, NAMES)}"
    return f"{_ANY}{nearest(text, [*NAMES, *_ERRNOS])}" if isinstance(text, str) else _ANY


def _fspath(path: Any) -> str | bytes | None:
    if path is None:
        return None
    try:
        return cast("str | bytes", os.fspath(path))
    except TypeError:
        raise FsFaultError(
            f"{path!r} is not a path: write a str, bytes or an object such as pathlib.Path"
        ) from None
