"""Know which errors an operation can really meet, so that a sweep tries no fault that no system gives."""

from __future__ import annotations

import errno
from functools import cache
from typing import TYPE_CHECKING

from pytest_fsfault._core.language.errors import parse_error
from pytest_fsfault._core.language.operations import ALIASES, OPERATIONS
from pytest_fsfault._core.language.winerrors import NAMES

if TYPE_CHECKING:
    from pytest_fsfault._core.language.errors import ErrorName

# Whatever walks a path may meet these. Windows: CPython ntpath's lists of what `realpath` swallows, the length
# and syntax rules of "Naming Files, Paths, and Namespaces". POSIX: path_resolution(7), EIO and ENOMEM of each page.
_WALK = """
    ERROR_PATH_NOT_FOUND ERROR_INVALID_NAME ERROR_FILENAME_EXCED_RANGE ERROR_NOT_READY ERROR_BAD_NETPATH
    ERROR_BAD_NET_NAME ERROR_CANT_RESOLVE_FILENAME ERROR_NOT_ENOUGH_MEMORY ERROR_IO_DEVICE ERROR_FILE_CORRUPT
    EACCES ENOENT ENOTDIR ELOOP ENAMETOOLONG ENOMEM EIO
"""
# Whatever changes a directory: write-protected media, immutable and sticky directories.
_CHANGE = "ERROR_WRITE_PROTECT EPERM EROFS"
# Whatever needs room for one more name or byte.
_ROOM = "ERROR_DISK_FULL ENOSPC EDQUOT"
# Whatever takes a free descriptor.
_OPENS = "ERROR_TOO_MANY_OPEN_FILES EMFILE ENFILE"
# Whatever moves bytes of an open file: byte-range locks (LockFileEx), a server gone, a cancelled or failed
# transfer, a stale handle; read(2), write(2).
_TRANSFER = """
    ERROR_LOCK_VIOLATION ERROR_IO_DEVICE ERROR_NETNAME_DELETED ERROR_NOT_ENOUGH_MEMORY ERROR_OPERATION_ABORTED
    ERROR_INVALID_HANDLE EIO EAGAIN EBADF EINVAL
"""
_READ = f"{_TRANSFER} ERROR_CRC ERROR_FILE_OFFLINE EISDIR"
_WRITE = f"ERROR_DISK_FULL ENOSPC {_TRANSFER} EDQUOT EFBIG ERROR_WRITE_PROTECT ERROR_NO_DATA EPIPE EPERM"
# close(2) gives what a delayed write met; CloseHandle knows only a wrong handle.
_CLOSE = "ERROR_INVALID_HANDLE EIO ENOSPC EDQUOT EBADF"

# MoveFileExW: a busy source 32; open descendants, an open or read-only target, a pending delete 5; a region that
# is locked 33 (retry lists of PostgreSQL and SQLite). rename(2).
_MOVE = f"""
    ERROR_ACCESS_DENIED ERROR_SHARING_VIOLATION EACCES EBUSY ERROR_LOCK_VIOLATION ERROR_NOT_SAME_DEVICE EXDEV
    ERROR_FILE_NOT_FOUND {_WALK} ERROR_INVALID_PARAMETER {_CHANGE} {_ROOM} ENOTEMPTY EEXIST EISDIR EINVAL EMLINK ETXTBSY
"""
# CreateFileW by way of `_wopen`: sharing 32; delete-pending, read-only, a directory 5; a mapped file 1224; a
# scanner's verdict 225 and 226; an app alias 1920; cloud files 4350. open(2).
_OPEN = f"""
    ERROR_SHARING_VIOLATION ERROR_ACCESS_DENIED EACCES ERROR_FILE_NOT_FOUND ENOENT ERROR_FILE_EXISTS
    ERROR_ALREADY_EXISTS EEXIST ERROR_USER_MAPPED_FILE ERROR_VIRUS_INFECTED ERROR_VIRUS_DELETED
    ERROR_LOCK_VIOLATION {_WALK} {_CHANGE} {_ROOM} {_OPENS} ERROR_CANT_ACCESS_FILE ERROR_FILE_OFFLINE
    ERROR_PRIVILEGE_NOT_HELD ERROR_INVALID_PARAMETER EBUSY ETXTBSY EISDIR EAGAIN EFBIG EINVAL ENODEV ENXIO EOVERFLOW
"""
# A handle for the attributes alone shares with everybody, so 32 is none of them; delete-pending 5, a symbolic link
# of a disabled type 1463, an app alias 1920. stat(2).
_STAT = f"""
    ERROR_FILE_NOT_FOUND ENOENT ERROR_ACCESS_DENIED {_WALK} ERROR_CANT_ACCESS_FILE ERROR_SYMLINK_CLASS_DISABLED
    EOVERFLOW
"""
# FindFirstFileW of a directory: missing 3, a file 267, one held without sharing 32. opendir(3).
_LIST = f"ERROR_ACCESS_DENIED EACCES ERROR_DIRECTORY ENOTDIR ERROR_SHARING_VIOLATION {_WALK} {_OPENS}"
# DeleteFileW: a holder without FILE_SHARE_DELETE 32; read-only, a running image, pending, a directory 5. unlink(2).
_REMOVE = f"""
    ERROR_SHARING_VIOLATION ERROR_ACCESS_DENIED EACCES EBUSY ERROR_FILE_NOT_FOUND {_WALK} {_CHANGE} EISDIR ETXTBSY
"""
# RemoveDirectoryW: a current directory or a holder 32, before the emptiness is looked at; read-only 5. rmdir(2).
_RMDIR = f"""
    ERROR_DIR_NOT_EMPTY ENOTEMPTY ERROR_SHARING_VIOLATION ERROR_ACCESS_DENIED EACCES EBUSY ERROR_FILE_NOT_FOUND
    ERROR_DIRECTORY {_WALK} {_CHANGE} EEXIST EINVAL
"""
# CreateDirectoryW: pending 5, over whatever exists 183, `a:b` 267, from 248 characters on 206. mkdir(2).
_MKDIR = f"""
    ERROR_ALREADY_EXISTS EEXIST ERROR_ACCESS_DENIED EACCES {_WALK} ERROR_DIRECTORY {_CHANGE} {_ROOM} EMLINK EINVAL
"""
# SetFileAttributesW, SetFileTime: work on locked files, so 32 is none of them. chmod(2), utimensat(2).
_SET = f"ERROR_ACCESS_DENIED EPERM ERROR_FILE_NOT_FOUND {_WALK} {_CHANGE}"
# CreateSymbolicLinkW: without privilege 1314, by an older system 87, on FAT 1. symlink(2).
_SYMLINK = f"""
    ERROR_PRIVILEGE_NOT_HELD ERROR_ALREADY_EXISTS EEXIST ERROR_ACCESS_DENIED EACCES {_WALK} ERROR_INVALID_FUNCTION
    ERROR_INVALID_PARAMETER {_CHANGE} {_ROOM}
"""
# FSCTL_GET_REPARSE_POINT: not a link 4390. readlink(2).
_READLINK = f"""
    ERROR_NOT_A_REPARSE_POINT EINVAL ERROR_FILE_NOT_FOUND ENOENT ERROR_ACCESS_DENIED {_WALK}
    ERROR_INVALID_REPARSE_DATA ERROR_REPARSE_TAG_INVALID
"""
# SetEndOfFile below a mapping 1224, growing a full disk 112, a locked region 33. ftruncate(2).
_TRUNCATE = """
    ERROR_USER_MAPPED_FILE ERROR_DISK_FULL ERROR_LOCK_VIOLATION ERROR_ACCESS_DENIED ERROR_INVALID_HANDLE
    ERROR_IO_DEVICE EFBIG EIO EINVAL EPERM EBADF ETXTBSY
"""
_COPYFILE = f"{_OPEN} {_READ} {_WRITE}"
_TREE = f"{_LIST} {_MKDIR} {_COPYFILE} {_STAT} {_SET} {_SYMLINK} {_READLINK}"
_RMTREE = (
    f"ERROR_SHARING_VIOLATION ERROR_ACCESS_DENIED ERROR_DIR_NOT_EMPTY {_REMOVE} {_RMDIR} {_LIST} {_STAT}"
)

_ROWS = {
    # Without REPLACE_EXISTING whatever exists at the target is 183.
    "os.rename": f"ERROR_ACCESS_DENIED ERROR_SHARING_VIOLATION ERROR_ALREADY_EXISTS {_MOVE}",
    "os.replace": _MOVE,
    "os.remove": _REMOVE,
    "os.rmdir": _RMDIR,
    "os.mkdir": _MKDIR,
    "os.open": _OPEN,
    "open": _OPEN,
    "os.stat": _STAT,
    "os.lstat": _STAT,
    # access(2) also asks whether a write could succeed.
    "os.access": f"{_STAT} EROFS ETXTBSY EINVAL EPERM",
    "os.listdir": _LIST,
    "os.scandir": _LIST,
    "os.chmod": _SET,
    "os.utime": _SET,
    # Only the opening can fail on Windows: CPython does not see what `_chsize_s` says. truncate(2).
    "os.truncate": f"""
        ERROR_SHARING_VIOLATION ERROR_ACCESS_DENIED EACCES ERROR_FILE_NOT_FOUND {_WALK} {_CHANGE} {_OPENS}
        ERROR_LOCK_VIOLATION EFBIG EISDIR ETXTBSY EINVAL
    """,
    # CreateHardLinkW: works on locked files; another volume 17, a directory 5, the 1024th link 1142, FAT 1. link(2).
    "os.link": f"""
        ERROR_ALREADY_EXISTS EEXIST ERROR_ACCESS_DENIED EACCES ERROR_NOT_SAME_DEVICE EXDEV ERROR_FILE_NOT_FOUND
        {_WALK} ERROR_TOO_MANY_LINKS EMLINK ERROR_INVALID_FUNCTION {_CHANGE} {_ROOM}
    """,
    "os.symlink": _SYMLINK,
    "os.readlink": _READLINK,
    # SetCurrentDirectoryW takes a handle that shares: a directory held without sharing 32. chdir(2).
    "os.chdir": f"""
        ERROR_FILE_NOT_FOUND ENOENT ERROR_DIRECTORY ENOTDIR ERROR_ACCESS_DENIED EACCES ERROR_SHARING_VIOLATION {_WALK}
    """,
    "os.read": _READ,
    "os.write": _WRITE,
    # FlushFileBuffers of a handle without write access 5. fsync(2).
    "os.fsync": "ERROR_ACCESS_DENIED ERROR_INVALID_HANDLE ERROR_IO_DEVICE EIO ENOSPC EDQUOT EBADF EINVAL EROFS",
    "os.close": _CLOSE,
    # Windows has neither. ENOSPC: shutil looks for it. sendfile(2), copy_file_range(2).
    "os.sendfile": "ENOSPC EDQUOT EIO EAGAIN EBADF EINVAL ENOMEM EOVERFLOW ESPIPE",
    "os.copy_file_range": """
        ENOSPC EDQUOT EXDEV EIO EBADF EFBIG EINVAL EISDIR ENOMEM EOPNOTSUPP EOVERFLOW EPERM ETXTBSY
    """,
    "file.read": _READ,
    "file.write": _WRITE,
    # What is flushed is written.
    "file.flush": _WRITE,
    "file.truncate": _TRUNCATE,
    "file.close": _CLOSE,
    # CreateFileMappingW: of an empty file 1006, larger than the disk 112, not as the file was opened 5. mmap(2).
    "mmap.mmap": """
        ERROR_ACCESS_DENIED ERROR_NOT_ENOUGH_MEMORY ENOMEM ERROR_DISK_FULL ERROR_FILE_INVALID ERROR_INVALID_PARAMETER
        ERROR_INVALID_HANDLE ERROR_USER_MAPPED_FILE ERROR_LOCK_VIOLATION EACCES EAGAIN EBADF EINVAL ENFILE ENODEV
        EOVERFLOW EPERM ETXTBSY
    """,
    # CreateProcessW: a program still open for writing 32, not a program 193, a scanner's verdict 225, a wrong `cwd`
    # 267, too long a command line 206. execve(2), fork(2).
    "subprocess.Popen": f"""
        ERROR_SHARING_VIOLATION ERROR_ACCESS_DENIED EACCES ERROR_FILE_NOT_FOUND ENOENT ERROR_BAD_EXE_FORMAT ENOEXEC
        ERROR_VIRUS_INFECTED ETXTBSY ERROR_DIRECTORY ERROR_ELEVATION_REQUIRED {_WALK} {_OPENS}
        ERROR_INVALID_PARAMETER E2BIG EAGAIN EPERM EINVAL
    """,
    # The composites meet what the calls meet that they make.
    "shutil.copyfile": _COPYFILE,
    "shutil.copy": f"{_COPYFILE} {_STAT} {_SET}",
    "shutil.copy2": f"{_COPYFILE} {_STAT} {_SET}",
    "shutil.copytree": _TREE,
    "shutil.copystat": f"{_STAT} {_SET}",
    "shutil.copymode": f"{_STAT} {_SET}",
    "shutil.move": f"{_MOVE} {_TREE} {_RMTREE}",
    "shutil.rmtree": _RMTREE,
    "shutil.make_archive": f"{_COPYFILE} {_LIST} {_STAT} {_MKDIR}",
    "shutil.unpack_archive": f"{_COPYFILE} {_MKDIR} {_SET}",
    # GetDiskFreeSpaceExW, statvfs(3).
    "shutil.disk_usage": f"{_WALK} ERROR_DIRECTORY ERROR_ACCESS_DENIED ENOSYS EOVERFLOW",
    # Windows has no `os.chown`. chown(2).
    "shutil.chown": "EPERM EACCES ENOENT ENOTDIR EROFS ELOOP ENAMETOOLONG ENOMEM EIO EINVAL",
}

#: For each operation the errors, by name, that it can meet: the likeliest first. An errno name that the host lacks
#: stands here all the same.
PLAUSIBLE: dict[str, tuple[str, ...]] = {
    operation: tuple(dict.fromkeys(_ROWS[operation].split())) for operation in OPERATIONS
}


def is_plausible(operation: str, error: ErrorName) -> bool:
    """Tell whether `operation`, by name or alias, can meet `error`, however the error is spelt."""
    return error.meaning in _meanings(ALIASES.get(operation, operation))


@cache
def _meanings(operation: str) -> frozenset[tuple[int | None, int]]:
    known = (name for name in PLAUSIBLE[operation] if name in NAMES or hasattr(errno, name))
    return frozenset(parse_error(name).meaning for name in known)
