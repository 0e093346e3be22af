"""Know what Windows calls its errors, what it says, and what CPython and the C runtime make of them.

Sources, by the letters used below:
CPY    CPython PC/errmap.h, Objects/exceptions.c, Python/errors.c
UCRT   Universal C Runtime misc/errno.cpp, misc/syserr.cpp
MSERR  MicrosoftDocs/win32 desktop-src/Debug/system-error-codes--*.md, and winerror.h for the names
"""

from __future__ import annotations

from pytest_fsfault._core.language.rows import Row


class WinError(Row):
    """One system error of Windows: number, winerror.h name, errno name by CPython, English text."""

    code: int
    name: str
    errno: str
    text: str


#: Win32 error codes are 16 bits wide (MS-ERREF 2.2); 0 is success.
HIGHEST_CODE = 0xFFFF

# errmap.h, one line for each errno; `a-b` includes both ends. Every code that is not here is EINVAL. [CPY]
_ERRNO_CODES = """
    ENOENT 2 3 15 18 53 67 161 206
    E2BIG 10
    ENOEXEC 11 188-202
    EBADF 6 114 130
    ECHILD 128 129
    EAGAIN 89 164 215
    ENOMEM 7 8 9 1816
    EACCES 5 16 19-36 65 82 83 108 132 158 167
    EEXIST 80 183
    EXDEV 17
    ENOTDIR 267
    EMFILE 4
    ENOSPC 112
    EPIPE 109 232
    ENOTEMPTY 145
    EILSEQ 1113
    ETIMEDOUT 258
    EINTR 10004
    EBADF 10009
    EACCES 10013
    EFAULT 10014
    EMFILE 10024
"""

# Winsock's codes are errno values themselves on Windows; their names follow one another from 10035 on. [CPY]
_FIRST_SOCKET_CODE = 10035
_SOCKET_ERRNOS = """
    EWOULDBLOCK EINPROGRESS EALREADY ENOTSOCK EDESTADDRREQ EMSGSIZE EPROTOTYPE ENOPROTOOPT EPROTONOSUPPORT
    ESOCKTNOSUPPORT EOPNOTSUPP EPFNOSUPPORT EAFNOSUPPORT EADDRINUSE EADDRNOTAVAIL ENETDOWN ENETUNREACH
    ENETRESET ECONNABORTED ECONNRESET ENOBUFS EISCONN ENOTCONN ESHUTDOWN ETOOMANYREFS ETIMEDOUT ECONNREFUSED
    ELOOP ENAMETOOLONG EHOSTDOWN EHOSTUNREACH ENOTEMPTY EPROCLIM EUSERS EDQUOT ESTALE EREMOTE
"""


def _codes(words: list[str]) -> list[int]:
    ends = [[int(end) for end in word.split("-")] for word in words]
    return [code for pair in ends for code in range(pair[0], pair[-1] + 1)]


_ERRNOS = {
    code: name for name, *words in map(str.split, _ERRNO_CODES.strip().splitlines()) for code in _codes(words)
}
_ERRNOS.update(enumerate(_SOCKET_ERRNOS.split(), _FIRST_SOCKET_CODE))

# The C runtime's own table ends earlier than CPython's: these four and Winsock's codes are EINVAL. [UCRT]
_UNKNOWN_TO_UCRT = frozenset({232, 258, 267, 1113})
_FIRST_WINSOCK_CODE = 10000


def winerror_errno(code: int) -> str:
    """Return the name of the errno that CPython derives from a Windows error, such as ``"EACCES"``.

    A Winsock code keeps its number on Windows; here it becomes the errno of its name, or EINVAL without one.
    """
    return _ERRNOS.get(code, "EINVAL")


def ucrt_errno(code: int) -> str:
    """Return the name of the errno that the C runtime (`open`, `os.open`, reads, writes) derives from `code`."""
    known = code not in _UNKNOWN_TO_UCRT and code < _FIRST_WINSOCK_CODE
    return winerror_errno(code) if known else "EINVAL"


#: What MSVC's `strerror` says of each errno that `ucrt_errno` can give. [UCRT]
STRERRORS = {
    "E2BIG": "Arg list too long",
    "EACCES": "Permission denied",
    "EAGAIN": "Resource temporarily unavailable",
    "EBADF": "Bad file descriptor",
    "ECHILD": "No child processes",
    "EEXIST": "File exists",
    "EINVAL": "Invalid argument",
    "EMFILE": "Too many open files",
    "ENOENT": "No such file or directory",
    "ENOEXEC": "Exec format error",
    "ENOMEM": "Not enough space",
    "ENOSPC": "No space left on device",
    "ENOTEMPTY": "Directory not empty",
    "EPIPE": "Broken pipe",
    "EXDEV": "Improper link",
}

# Text as CPython shows it: what FormatMessageW says in English with inserts ignored (so that `%1` stays),
# less trailing blanks and dots. [MSERR; CPY errors.c]
_TABLE = """
    1 ERROR_INVALID_FUNCTION Incorrect function
    2 ERROR_FILE_NOT_FOUND The system cannot find the file specified
    3 ERROR_PATH_NOT_FOUND The system cannot find the path specified
    4 ERROR_TOO_MANY_OPEN_FILES The system cannot open the file
    5 ERROR_ACCESS_DENIED Access is denied
    6 ERROR_INVALID_HANDLE The handle is invalid
    7 ERROR_ARENA_TRASHED The storage control blocks were destroyed
    8 ERROR_NOT_ENOUGH_MEMORY Not enough memory resources are available to process this command
    9 ERROR_INVALID_BLOCK The storage control block address is invalid
    10 ERROR_BAD_ENVIRONMENT The environment is incorrect
    11 ERROR_BAD_FORMAT An attempt was made to load a program with an incorrect format
    12 ERROR_INVALID_ACCESS The access code is invalid
    13 ERROR_INVALID_DATA The data is invalid
    15 ERROR_INVALID_DRIVE The system cannot find the drive specified
    16 ERROR_CURRENT_DIRECTORY The directory cannot be removed
    17 ERROR_NOT_SAME_DEVICE The system cannot move the file to a different disk drive
    18 ERROR_NO_MORE_FILES There are no more files
    19 ERROR_WRITE_PROTECT The media is write protected
    20 ERROR_BAD_UNIT The system cannot find the device specified
    21 ERROR_NOT_READY The device is not ready
    22 ERROR_BAD_COMMAND The device does not recognize the command
    23 ERROR_CRC Data error (cyclic redundancy check)
    24 ERROR_BAD_LENGTH The program issued a command but the command length is incorrect
    25 ERROR_SEEK The drive cannot locate a specific area or track on the disk
    26 ERROR_NOT_DOS_DISK The specified disk or diskette cannot be accessed
    27 ERROR_SECTOR_NOT_FOUND The drive cannot find the sector requested
    28 ERROR_OUT_OF_PAPER The printer is out of paper
    29 ERROR_WRITE_FAULT The system cannot write to the specified device
    30 ERROR_READ_FAULT The system cannot read from the specified device
    31 ERROR_GEN_FAILURE A device attached to the system is not functioning
    32 ERROR_SHARING_VIOLATION The process cannot access the file because it is being used by another process
    33 ERROR_LOCK_VIOLATION The process cannot access the file because another process has locked a portion of the file
    34 ERROR_WRONG_DISK The wrong diskette is in the drive. Insert %2 (Volume Serial Number: %3) into drive %1
    36 ERROR_SHARING_BUFFER_EXCEEDED Too many files opened for sharing
    50 ERROR_NOT_SUPPORTED The request is not supported
    53 ERROR_BAD_NETPATH The network path was not found
    55 ERROR_DEV_NOT_EXIST The specified network resource or device is no longer available
    64 ERROR_NETNAME_DELETED The specified network name is no longer available
    65 ERROR_NETWORK_ACCESS_DENIED Network access is denied
    67 ERROR_BAD_NET_NAME The network name cannot be found
    80 ERROR_FILE_EXISTS The file exists
    82 ERROR_CANNOT_MAKE The directory or file cannot be created
    83 ERROR_FAIL_I24 Fail on INT 24
    87 ERROR_INVALID_PARAMETER The parameter is incorrect
    89 ERROR_NO_PROC_SLOTS The system cannot start another process at this time
    108 ERROR_DRIVE_LOCKED The disk is in use or locked by another process
    109 ERROR_BROKEN_PIPE The pipe has been ended
    110 ERROR_OPEN_FAILED The system cannot open the device or file specified
    111 ERROR_BUFFER_OVERFLOW The file name is too long
    112 ERROR_DISK_FULL There is not enough space on the disk
    114 ERROR_INVALID_TARGET_HANDLE The target internal file identifier is incorrect
    121 ERROR_SEM_TIMEOUT The semaphore timeout period has expired
    123 ERROR_INVALID_NAME The filename, directory name, or volume label syntax is incorrect
    126 ERROR_MOD_NOT_FOUND The specified module could not be found
    127 ERROR_PROC_NOT_FOUND The specified procedure could not be found
    128 ERROR_WAIT_NO_CHILDREN There are no child processes to wait for
    129 ERROR_CHILD_NOT_COMPLETE The %1 application cannot be run in Win32 mode
    130 ERROR_DIRECT_ACCESS_HANDLE Attempt to use a file handle to an open disk partition for an operation other than raw disk I/O
    131 ERROR_NEGATIVE_SEEK An attempt was made to move the file pointer before the beginning of the file
    132 ERROR_SEEK_ON_DEVICE The file pointer cannot be set on the specified device or file
    145 ERROR_DIR_NOT_EMPTY The directory is not empty
    158 ERROR_NOT_LOCKED The segment is already unlocked
    161 ERROR_BAD_PATHNAME The specified path is invalid
    164 ERROR_MAX_THRDS_REACHED No more threads can be created in the system
    167 ERROR_LOCK_FAILED Unable to lock a region of a file
    170 ERROR_BUSY The requested resource is in use
    183 ERROR_ALREADY_EXISTS Cannot create a file when that file already exists
    186 ERROR_INVALID_FLAG_NUMBER The flag passed is not correct
    188 ERROR_INVALID_STARTING_CODESEG The operating system cannot run %1
    189 ERROR_INVALID_STACKSEG The operating system cannot run %1
    190 ERROR_INVALID_MODULETYPE The operating system cannot run %1
    191 ERROR_INVALID_EXE_SIGNATURE Cannot run %1 in Win32 mode
    192 ERROR_EXE_MARKED_INVALID The operating system cannot run %1
    193 ERROR_BAD_EXE_FORMAT %1 is not a valid Win32 application
    194 ERROR_ITERATED_DATA_EXCEEDS_64k The operating system cannot run %1
    195 ERROR_INVALID_MINALLOCSIZE The operating system cannot run %1
    196 ERROR_DYNLINK_FROM_INVALID_RING The operating system cannot run this application program
    197 ERROR_IOPL_NOT_ENABLED The operating system is not presently configured to run this application
    198 ERROR_INVALID_SEGDPL The operating system cannot run %1
    199 ERROR_AUTODATASEG_EXCEEDS_64k The operating system cannot run this application program
    200 ERROR_RING2SEG_MUST_BE_MOVABLE The code segment cannot be greater than or equal to 64K
    201 ERROR_RELOC_CHAIN_XEEDS_SEGLIM The operating system cannot run %1
    202 ERROR_INFLOOP_IN_RELOC_CHAIN The operating system cannot run %1
    206 ERROR_FILENAME_EXCED_RANGE The filename or extension is too long
    215 ERROR_NESTING_NOT_ALLOWED Cannot nest calls to LoadModule
    223 ERROR_FILE_TOO_LARGE The file size exceeds the limit allowed and cannot be saved
    225 ERROR_VIRUS_INFECTED Operation did not complete successfully because the file contains a virus or potentially unwanted software
    226 ERROR_VIRUS_DELETED This file contains a virus or potentially unwanted software and cannot be opened. Due to the nature of this virus or potentially unwanted software, the file has been removed from this location
    232 ERROR_NO_DATA The pipe is being closed
    258 WAIT_TIMEOUT The wait operation timed out
    267 ERROR_DIRECTORY The directory name is invalid
    303 ERROR_DELETE_PENDING The file cannot be opened because it is in the process of being deleted
    740 ERROR_ELEVATION_REQUIRED The requested operation requires elevation
    995 ERROR_OPERATION_ABORTED The I/O operation has been aborted because of either a thread exit or an application request
    998 ERROR_NOACCESS Invalid access to memory location
    1006 ERROR_FILE_INVALID The volume for a file has been externally altered so that the opened file is no longer valid
    1113 ERROR_NO_UNICODE_TRANSLATION No mapping for the Unicode character exists in the target multi-byte code page
    1117 ERROR_IO_DEVICE The request could not be performed because of an I/O device error
    1131 ERROR_POSSIBLE_DEADLOCK A potential deadlock condition has been detected
    1132 ERROR_MAPPED_ALIGNMENT The base address or the file offset specified does not have the proper alignment
    1142 ERROR_TOO_MANY_LINKS An attempt was made to create more links on a file than the file system supports
    1175 ERROR_UNABLE_TO_REMOVE_REPLACED Unable to remove the file to be replaced
    1224 ERROR_USER_MAPPED_FILE The requested operation cannot be performed on a file with a user-mapped section open
    1314 ERROR_PRIVILEGE_NOT_HELD A required privilege is not held by the client
    1392 ERROR_FILE_CORRUPT The file or directory is corrupted and unreadable
    1463 ERROR_SYMLINK_CLASS_DISABLED The symbolic link cannot be followed because its type is disabled
    1816 ERROR_NOT_ENOUGH_QUOTA Not enough quota is available to process this command
    1920 ERROR_CANT_ACCESS_FILE The file cannot be accessed by the system
    1921 ERROR_CANT_RESOLVE_FILENAME The name of the file cannot be resolved by the system
    4350 ERROR_FILE_OFFLINE This file is currently not available for use on this computer
    4390 ERROR_NOT_A_REPARSE_POINT The file or directory is not a reparse point
    4392 ERROR_INVALID_REPARSE_DATA The data present in the reparse point buffer is invalid
    4393 ERROR_REPARSE_TAG_INVALID The tag present in the reparse point buffer is invalid
"""


def _row(line: str) -> WinError:
    code, name, text = line.split(maxsplit=2)
    return WinError(int(code), name, winerror_errno(int(code)), text)


#: The Windows errors that have a name here, by code.
WINERRORS = {row.code: row for row in map(_row, _TABLE.strip().splitlines())}

#: Code by winerror.h name.
NAMES = {row.name: row.code for row in WINERRORS.values()}


def error_name(code: int) -> str:
    """Return a Windows error as a rule writes it: by its name, or by its number where it has none here."""
    row = WINERRORS.get(code)
    return row.name if row else f"WinError {code}"


def winerror_text(code: int) -> str:
    """Return the English text of a Windows error, as CPython shows it.

    A code that the system has no text for becomes ``Windows Error 0x…`` (CPython Python/errors.c); so does one
    that `WINERRORS` does not list.
    """
    row = WINERRORS.get(code)
    return row.text if row else f"Windows Error 0x{code:x}"


#: What Windows would have said where a POSIX system gave this errno. A choice where Windows tells more apart:
#: the commonest case of a file system call, of the same class as the errno wherever Windows has one.
NATIVE = {
    "ENOENT": 2,
    "EACCES": 5,
    "EPERM": 5,  # Windows has one answer for "not you" and "no one"
    "EISDIR": 5,  # opening or unlinking a directory
    "EEXIST": 183,  # of `mkdir`, `rename`, `link`; `open` has no winerror
    "ENOTEMPTY": 145,
    "ENOTDIR": 267,
    "EXDEV": 17,
    "EBUSY": 32,  # in use
    "ETXTBSY": 32,  # a running program opened for writing
    "EAGAIN": 33,  # a locked region
    "EWOULDBLOCK": 33,
    "EDEADLK": 1131,
    "ENOSPC": 112,
    "EDQUOT": 112,  # a user's disk is full
    "EFBIG": 223,
    "EMFILE": 4,
    "ENFILE": 4,
    "EROFS": 19,
    "ENAMETOOLONG": 206,
    "E2BIG": 206,  # CreateProcessW of too long a command line
    "ELOOP": 1921,
    "EMLINK": 1142,
    "ENOMEM": 8,
    "EBADF": 6,
    "EINVAL": 87,
    "EILSEQ": 123,  # a name that the file system cannot store
    "EIO": 1117,
    "ESTALE": 1006,
    "EPIPE": 109,
    "ESPIPE": 132,
    "ECHILD": 128,
    "ENOEXEC": 193,
    "EFAULT": 998,
    "EINTR": 995,
    "ETIMEDOUT": 121,
    "ENOSYS": 50,
    "ENOTSUP": 50,
    "EOPNOTSUPP": 50,
}

#: For every other errno: Windows' word for a call it could make no sense of, which no retry loop waits for.
NATIVE_DEFAULT = 87
