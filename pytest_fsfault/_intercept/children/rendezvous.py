"""Where children find their parent: a private directory, and the environment variable that names it."""

from __future__ import annotations

import os
import sys
from os import close, fstat, getpid, lstat
from os import open as open_descriptor
from os import read as read_descriptor
from os import readlink as read_link
from os import symlink as make_link
from os import unlink as unlink_file
from os import write as write_descriptor
from stat import S_ISDIR, S_ISREG

#: The variable that names the directory.
KEY = "FSFAULT_CHILD"
#: The directory with a `sitecustomize` of ours, which serves environments that do not have this package.
ON_PATH = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "bootstrap", "on_path")
#: Whether a parent can be found here.
POSSIBLE = os.name in {"posix", "nt"}
#: The suffix of the files by which new interpreters report that they have started.
REPORT = ".met"
#: The suffix of the files by which interpreters report why they could not be attached.
FAILURE = ".off"
_REASON = 200  # characters of what was in the way
_PYTHONPATH = "PYTHONPATH"
#: How the name of a directory of ours begins.
PREFIX = "pytest-fsfault-"
_LONGEST = 100  # of the path of a socket: <sys/un.h> has room for 104 on macOS, 108 on Linux
_OTHERS = 0o077  # what others than the owner may do
_MOST = 1 << 20  # bytes of a file of ours
# A link is not followed, a FIFO not waited for.
_WARILY = (
    getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_NOINHERIT", 0)
)
_user = getattr(os, "geteuid", int)
_FRAME = type(sys._getframe())


def is_of_the_call(error: BaseException) -> bool:
    """Return whether a function of the system has raised an error, and no signal handler in the middle of it."""
    trace = error.__traceback__
    return trace is None or trace.tb_next is None


def is_of_a_handler(error: BaseException) -> bool:
    """Return whether a signal handler, or a trace function, has raised an error: it gets the frame that it interrupts."""
    trace = error.__traceback__
    while trace is not None:
        given = trace.tb_frame.f_locals
        for value in tuple(given.values()):
            if isinstance(value, _FRAME) or (
                type(value) is tuple and any(isinstance(one, _FRAME) for one in value)
            ):
                return True
        trace = trace.tb_next
    return False


def is_private(directory: str) -> bool:
    """Return whether a directory is ours alone: no link, owned by this user, and open to this user alone."""
    try:
        status = lstat(directory)
    except (OSError, ValueError) as error:
        if not is_of_the_call(error):
            raise
        return False
    return os.path.isabs(directory) and S_ISDIR(status.st_mode) and _is_ours_alone(status)


def _is_ours_alone(status: os.stat_result) -> bool:
    if sys.platform == "win32":
        # Modes say nothing there: the user's directory for temporary files is closed to others, and from 3.12.4 on
        # `mkdir` closes this one as well. A junction is no directory of ours.
        return not status.st_reparse_tag
    return status.st_uid == _user() and not status.st_mode & _OTHERS


def open_private(path: str) -> int:
    """Open a file in a private directory for reading.

    Raises:
        OSError: if there is none that is ours: a link, a FIFO or the file of another user is none.

    """
    if not is_private(os.path.dirname(path)):
        raise PermissionError
    descriptor = open_descriptor(path, os.O_RDONLY | _WARILY)
    status = fstat(descriptor)
    if S_ISREG(status.st_mode) and status.st_uid == _user() and status.st_size <= _MOST:
        return descriptor
    close(descriptor)
    raise PermissionError


def read_private(path: str) -> bytes:
    """Return what a file in a private directory contains.

    Raises:
        OSError: as `open_private` does.

    """
    descriptor = open_private(path)
    try:
        return b"".join(iter(lambda: read_descriptor(descriptor, 65_536), b""))
    finally:
        close(descriptor)


def write_private(path: str, data: bytes) -> None:
    """Write a new file in a private directory.

    Raises:
        OSError: if there is something of that name, or the directory is not private.

    """
    if not is_private(os.path.dirname(path)):
        raise PermissionError
    descriptor = open_descriptor(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _WARILY, 0o600)
    try:
        while data:
            data = data[write_descriptor(descriptor, data) :]
    finally:
        close(descriptor)


def remove_private(path: str) -> None:
    """Remove a file in a private directory, if it is there: who has it open or mapped goes on."""
    try:
        if is_private(os.path.dirname(path)):
            unlink_file(path)
    except OSError as error:
        if not is_of_the_call(error):
            raise


def is_filtered() -> bool:
    """Return whether a filter stands before the calls of this process, which may ask another one about them: seccomp(2)."""
    try:
        descriptor = open_descriptor("/proc/self/status", os.O_RDONLY | _WARILY)
    except OSError:
        return False
    try:
        return b"\nSeccomp:\t2" in read_descriptor(descriptor, 65_536)
    finally:
        close(descriptor)


def report_start(directory: str) -> tuple[str, ...] | None:
    """Report to the parent that this interpreter has started; return what it says; None if there is no such parent.

    That is what a new interpreter has to know (see `Decisions.head`), then the roots.
    """
    words = (str(getpid()), str(os.getppid()), *sys.orig_argv)
    try:
        found = unpack_words(read_private(roots_of(directory)))
    except (OSError, ValueError):
        return None
    try:  # noqa: SIM105  # `contextlib` takes long to import
        write_private(report_of(directory), pack_words(words))
    except (OSError, ValueError):
        pass  # a full disk, a limit for files: who asks something is known all the same
    return found


def report_failure(directory: str, error: Exception) -> None:
    """Report to the parent why this process could not be attached to it, which may be that it has no descriptor left."""
    reason = (getattr(error, "strerror", None) or f"{type(error).__name__}: {error}")[:_REASON]
    path, text = report_of(directory, FAILURE), ascii(f"{getpid()} {reason}")[1:-1]
    try:
        if sys.platform == "win32":
            write_private(path, text.encode("ascii"))
        elif is_private(directory):
            make_link(text, path)  # it takes no descriptor
    except (OSError, ValueError):
        pass


def read_failure(path: str) -> tuple[int, str]:
    """Return which process could not be attached, and why.

    Raises:
        OSError: if there is no report.
        ValueError: if it is none.

    """
    text = read_private(path).decode("ascii") if sys.platform == "win32" else read_link(path)
    process, _, reason = text.partition(" ")
    if not text.isprintable():
        raise ValueError
    return int(process), reason


def report_of(directory: str, suffix: str = REPORT) -> str:
    """Return the path for a report of this process: that it has started, or of a failure."""
    return os.path.join(directory, f"{getpid()}-{os.urandom(4).hex()}{suffix}")


def pack_words(words: tuple[str, ...]) -> bytes:
    """Return texts that no NUL is in, such as paths and arguments, as bytes."""
    return b"\0".join(map(os.fsencode, words))


def unpack_words(data: bytes) -> tuple[str, ...]:
    """Return the texts again."""
    return tuple(map(os.fsdecode, data.split(b"\0"))) if data else ()


def new_directory() -> str:
    """Return the name of a directory beside that of the tests, yet to be made."""
    import tempfile  # noqa: PLC0415  # of the parent alone

    base = tempfile.gettempdir()
    if sys.platform == "win32":
        return os.path.join(base, f"{PREFIX}{getpid()}-{os.urandom(16).hex()}")  # of all pipes, it names one
    name = f"{PREFIX}{getpid()}-{os.urandom(6).hex()}"
    return os.path.join(base if len(base) + len(name) < _LONGEST else "/tmp", name)  # noqa: S108  # made for us alone


def socket_of(directory: str) -> str:
    """Return the path of the socket."""
    return os.path.join(directory, "s")


def page_of(directory: str) -> str:
    """Return the path of the shared page."""
    return os.path.join(directory, "p")


def log_of(directory: str, name: str) -> str:
    """Return the path of the log of a child."""
    return os.path.join(directory, f"{name}.log")


def roots_of(directory: str) -> str:
    """Return the path of the list of roots."""
    return os.path.join(directory, "roots")


def is_ours(path: str) -> bool:
    """Return whether a path is that of a socket or a page of ours."""
    return PREFIX in path and os.path.basename(os.path.dirname(path)).startswith(f"{PREFIX}{getpid()}-")


def publish(directory: str) -> None:
    """Let the processes that are started from now on know where to ask."""
    os.environ[KEY] = directory
    before = os.environ.get(_PYTHONPATH)
    if before is None:
        os.environ[_PYTHONPATH] = ON_PATH
    elif ON_PATH not in before.split(os.pathsep):
        os.environ[_PYTHONPATH] = ON_PATH + os.pathsep + before


def unpublish() -> None:
    """Undo `publish`, whatever others have added to the variables since."""
    os.environ.pop(KEY, None)
    there = os.environ.get(_PYTHONPATH)
    if there is None or ON_PATH not in there:
        return
    left = [part for part in there.split(os.pathsep) if part != ON_PATH]
    if left:
        os.environ[_PYTHONPATH] = os.pathsep.join(left)
    else:
        del os.environ[_PYTHONPATH]
