"""Windows' errors: the table, how a rule writes them, and the exceptions made of them."""

import builtins
import copy
import errno
import os
import pickle
import re
import traceback
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from skips import WINDOWS, posix_fact

from pytest_fsfault._core.language import errors
from pytest_fsfault._core.language.error_rows import error_from_row, error_row
from pytest_fsfault._core.language.errors import (
    TRANSIENT,
    add_winerror,
    build,
    copied,
    parse_error,
    windows_error,
)
from pytest_fsfault._core.language.mistakes import FsFaultError
from pytest_fsfault._core.language.winerrors import (
    NAMES,
    NATIVE,
    STRERRORS,
    WINERRORS,
    ucrt_errno,
    winerror_errno,
)

posix = posix_fact("an OSError without a winerror of its own")

# Code, errno and class (CPython PC/errmap.h, Objects/exceptions.c), and text (Microsoft's System Error Codes).
TABLE = """
    1 EINVAL OSError Incorrect function
    2 ENOENT FileNotFoundError The system cannot find the file specified
    3 ENOENT FileNotFoundError The system cannot find the path specified
    4 EMFILE OSError The system cannot open the file
    5 EACCES PermissionError Access is denied
    6 EBADF OSError The handle is invalid
    8 ENOMEM OSError Not enough memory resources are available to process this command
    15 ENOENT FileNotFoundError The system cannot find the drive specified
    16 EACCES PermissionError The directory cannot be removed
    17 EXDEV OSError The system cannot move the file to a different disk drive
    18 ENOENT FileNotFoundError There are no more files
    19 EACCES PermissionError The media is write protected
    21 EACCES PermissionError The device is not ready
    32 EACCES PermissionError The process cannot access the file because it is being used by another process
    33 EACCES PermissionError The process cannot access the file because another process has locked a portion of the file
    36 EACCES PermissionError Too many files opened for sharing
    53 ENOENT FileNotFoundError The network path was not found
    65 EACCES PermissionError Network access is denied
    67 ENOENT FileNotFoundError The network name cannot be found
    80 EEXIST FileExistsError The file exists
    82 EACCES PermissionError The directory or file cannot be created
    83 EACCES PermissionError Fail on INT 24
    87 EINVAL OSError The parameter is incorrect
    108 EACCES PermissionError The disk is in use or locked by another process
    109 EPIPE BrokenPipeError The pipe has been ended
    110 EINVAL OSError The system cannot open the device or file specified
    111 EINVAL OSError The file name is too long
    112 ENOSPC OSError There is not enough space on the disk
    114 EBADF OSError The target internal file identifier is incorrect
    121 EINVAL OSError The semaphore timeout period has expired
    123 EINVAL OSError The filename, directory name, or volume label syntax is incorrect
    126 EINVAL OSError The specified module could not be found
    127 EINVAL OSError The specified procedure could not be found
    128 ECHILD ChildProcessError There are no child processes to wait for
    131 EINVAL OSError An attempt was made to move the file pointer before the beginning of the file
    132 EACCES PermissionError The file pointer cannot be set on the specified device or file
    145 ENOTEMPTY OSError The directory is not empty
    158 EACCES PermissionError The segment is already unlocked
    161 ENOENT FileNotFoundError The specified path is invalid
    164 EAGAIN BlockingIOError No more threads can be created in the system
    167 EACCES PermissionError Unable to lock a region of a file
    170 EINVAL OSError The requested resource is in use
    183 EEXIST FileExistsError Cannot create a file when that file already exists
    186 EINVAL OSError The flag passed is not correct
    193 ENOEXEC OSError %1 is not a valid Win32 application
    206 ENOENT FileNotFoundError The filename or extension is too long
    215 EAGAIN BlockingIOError Cannot nest calls to LoadModule
    225 EINVAL OSError Operation did not complete successfully because the file contains a virus or potentially unwanted software
    226 EINVAL OSError This file contains a virus or potentially unwanted software and cannot be opened. Due to the nature of this virus or potentially unwanted software, the file has been removed from this location
    267 ENOTDIR NotADirectoryError The directory name is invalid
    303 EINVAL OSError The file cannot be opened because it is in the process of being deleted
    995 EINVAL OSError The I/O operation has been aborted because of either a thread exit or an application request
    1006 EINVAL OSError The volume for a file has been externally altered so that the opened file is no longer valid
    1117 EINVAL OSError The request could not be performed because of an I/O device error
    1132 EINVAL OSError The base address or the file offset specified does not have the proper alignment
    1142 EINVAL OSError An attempt was made to create more links on a file than the file system supports
    1175 EINVAL OSError Unable to remove the file to be replaced
    1224 EINVAL OSError The requested operation cannot be performed on a file with a user-mapped section open
    1314 EINVAL OSError A required privilege is not held by the client
    1392 EINVAL OSError The file or directory is corrupted and unreadable
    1463 EINVAL OSError The symbolic link cannot be followed because its type is disabled
    1920 EINVAL OSError The file cannot be accessed by the system
    1921 EINVAL OSError The name of the file cannot be resolved by the system
    4350 EINVAL OSError This file is currently not available for use on this computer
    4390 EINVAL OSError The file or directory is not a reparse point
"""
COPIES = {"copy": copy.copy, "deepcopy": copy.deepcopy} | {
    f"pickle {protocol}": lambda exc, protocol=protocol: pickle.loads(pickle.dumps(exc, protocol))
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1)
}
filenames = st.text(st.characters()) | st.binary() | st.sampled_from(["it's", 'a"b', "\udcff", "C:\\x", ""])
codes = st.integers(1, 65535) | st.sampled_from(sorted(WINERRORS))


def seen(exc):
    """Return all that a program can see of an OSError."""
    facts = (exc.args, exc.errno, exc.strerror, exc.filename, exc.filename2, getattr(exc, "winerror", "none"))
    return (type(exc), str(exc), repr(exc), *facts, getattr(exc, "__notes__", None))


@pytest.mark.parametrize("row", TABLE.strip().splitlines())
def test_a_windows_error_has_the_errno_class_and_text_of_the_table(row):
    """Every error that Windows shows to Python keeps its number, errno, class and English text."""
    code, name, builtin, text = row.split(maxsplit=3)
    exc = windows_error(int(code), "p")
    assert code == str(exc.winerror)
    assert getattr(errno, name) == exc.errno
    assert text == exc.strerror
    assert builtin == type(exc).__name__
    assert isinstance(exc, getattr(builtins, builtin))
    assert (name, text) == WINERRORS[int(code)][2:]


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("EACCES", [5, 16, *range(19, 37), 65, 82, 83, 108, 132, 158, 167, 10013]),
        ("ENOEXEC", [11, *range(188, 203)]),
        ("E2BIG", [10]),
        ("ENOMEM", [7, 8, 9, 1816]),
        ("EBADF", [6, 114, 130, 10009]),
        ("ECHILD", [128, 129]),
        ("EAGAIN", [89, 164, 215]),
        ("EPIPE", [109, 232]),
        ("ETIMEDOUT", [258, 10060]),
        ("EILSEQ", [1113]),
        ("EWOULDBLOCK", [10035]),
        ("ECONNRESET", [10054]),
        ("EREMOTE", [10071]),
        ("EINTR", [10004]),
        ("EINVAL", [1, 12, 14, 37, 87, 187, 203, 1224, 10022, 10072, 10093, 12000, 65535]),
    ],
)
def test_a_code_outside_the_table_follows_the_rules_of_errmap(name, codes):
    """Whole ranges share an errno, Winsock's codes have that of their name, and all others are EINVAL."""
    assert [name] * len(codes) == [winerror_errno(code) for code in codes]


@pytest.mark.parametrize("code", [232, 258, 267, 1113, 10013, 10054])
def test_the_c_runtime_knows_fewer_codes_than_cpython(code):
    """The codes that only CPython's table has are EINVAL in the C runtime."""
    exc = build(parse_error(f"WinError {code}"), "errno", "p")
    assert "EINVAL" == ucrt_errno(code) != winerror_errno(code)
    assert f"[Errno {errno.EINVAL}] Invalid argument: 'p'" == str(exc)


@given(st.integers(1, 9999).filter(lambda code: code not in {232, 258, 267, 1113}))
def test_the_c_runtime_otherwise_agrees_with_cpython(code):
    """All other codes have one errno in both families, and it has a text."""
    assert winerror_errno(code) == ucrt_errno(code)
    assert ucrt_errno(code) in STRERRORS


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("ERROR_ACCESS_DENIED", 5),
        ("ERROR_SHARING_VIOLATION", 32),
        ("ERROR_DIR_NOT_EMPTY", 145),
        ("ERROR_ALREADY_EXISTS", 183),
        ("ERROR_VIRUS_INFECTED", 225),
        ("ERROR_USER_MAPPED_FILE", 1224),
        ("ERROR_PRIVILEGE_NOT_HELD", 1314),
        ("ERROR_NOT_A_REPARSE_POINT", 4390),
        ("WAIT_TIMEOUT", 258),
    ],
)
def test_windows_names_are_those_of_winerror_h(name, code):
    """A name stands for its code, in the table and in a rule."""
    assert code == NAMES[name] == parse_error(name).winerror
    assert name == WINERRORS[code].name


def test_no_two_rows_share_a_code_or_a_name():
    """The table is one to one, and no text keeps the blank or dot that CPython strips."""
    assert len(NAMES) == len(WINERRORS)
    assert [] == [row for row in WINERRORS.values() if row.text != row.text.rstrip(" .")]


@pytest.mark.parametrize(
    ("exc", "text", "shown"),
    [
        (
            windows_error(32, "a", "b"),
            "[WinError 32] The process cannot access the file because it is being used by another process: 'a' -> 'b'",
            "PermissionError(13, 'The process cannot access the file because it is being used by another process')",
        ),
        (
            windows_error(5, b"a"),
            "[WinError 5] Access is denied: b'a'",
            "PermissionError(13, 'Access is denied')",
        ),
        (
            windows_error("ERROR_ACCESS_DENIED", Path("x/y")),
            f"[WinError 5] Access is denied: {str(Path('x/y'))!r}",
            None,
        ),
        (
            windows_error(5, ""),
            "[WinError 5] Access is denied: ''",
            "PermissionError(13, 'Access is denied')",
        ),
        (
            windows_error(5),
            "[WinError 5] Access is denied",
            "PermissionError(13, 'Access is denied', None, 5, None)",
        ),
        (
            windows_error(77, "a"),
            "[WinError 77] Windows Error 0x4d: 'a'",
            "OSError(22, 'Windows Error 0x4d')",
        ),
        (
            windows_error("WinError 183", "a", "b"),
            "[WinError 183] Cannot create a file when that file already exists: 'a' -> 'b'",
            "FileExistsError(17, 'Cannot create a file when that file already exists')",
        ),
    ],
)
def test_a_windows_error_prints_as_in_cpython(exc, text, shown):
    """`str` leads with WinError, `repr` with errno; without a file name all five arguments stay."""
    assert text == str(exc)
    assert shown in {repr(exc), None}


@pytest.mark.parametrize(
    ("error", "text"),
    [
        ("ERROR_SHARING_VIOLATION", "[Errno 13] Permission denied: 'a'"),
        ("ERROR_PATH_NOT_FOUND", "[Errno 2] No such file or directory: 'a'"),
        ("ERROR_FILENAME_EXCED_RANGE", "[Errno 2] No such file or directory: 'a'"),
        ("ERROR_FILE_EXISTS", "[Errno 17] File exists: 'a'"),
        ("ERROR_USER_MAPPED_FILE", "[Errno 22] Invalid argument: 'a'"),
        ("WinError 226", "[Errno 22] Invalid argument: 'a'"),
        ("ERROR_NOT_SAME_DEVICE", "[Errno 18] Improper link: 'a'"),
        ("ERROR_NOT_ENOUGH_MEMORY", "[Errno 12] Not enough space: 'a'"),
        ("ERROR_DIR_NOT_EMPTY", f"[Errno {errno.ENOTEMPTY}] Directory not empty: 'a'"),
    ],
)
def test_open_sees_the_errno_of_a_windows_error_and_the_c_runtime_text(error, text):
    """In the errno family a Windows error is a plain builtin with `winerror` None."""
    exc = build(parse_error(error), "errno", "a")
    assert text == str(exc)
    assert (None, "builtins") == (exc.winerror, type(exc).__module__)
    assert type(OSError(exc.errno, "")) is type(exc)


@posix
@pytest.mark.parametrize("family", ["winerror", "errno"])
@pytest.mark.parametrize("name", ["EACCES", "ENOTEMPTY", "EBUSY", "ENAMETOOLONG", "EWOULDBLOCK"])
def test_an_errno_fault_is_the_host_s_own_error(family, name):
    """An error written by errno name has the host's class, number and text, and no `winerror`."""
    number = getattr(errno, name)
    exc = build(parse_error(name), family, "a", "b")
    assert f"[Errno {number}] {os.strerror(number)}: 'a' -> 'b'" == str(exc)
    assert type(OSError(number, "")) is type(exc)
    assert not hasattr(exc, "winerror")


@given(codes, filenames | st.none() | st.integers(0, 99), filenames | st.none())
def test_file_names_pass_through_untouched(code, filename, filename2):
    """What the caller passed stands in the error and in its text, a second name only after a first."""
    exc = build(parse_error(f"WinError {code}"), "winerror", filename, filename2)
    tail = "" if filename is None else f": {filename!r}"
    tail += "" if filename is None or filename2 is None else f" -> {filename2!r}"
    assert f"[WinError {code}] {exc.strerror}{tail}" == str(exc)
    assert (filename, None if filename is None else filename2) == (exc.filename, exc.filename2)


@given(codes, filenames | st.none(), filenames | st.none(), st.sampled_from(["winerror", "errno"]))
def test_copies_keep_everything(code, filename, filename2, family):
    """`copy`, `deepcopy` and every pickle protocol keep class, codes, texts, both file names and notes."""
    assume(
        not WINDOWS or family == "winerror" or filename2 is None
    )  # CPython's copies show "[WinError None]"
    exc = build(parse_error(f"WinError {code}"), family, filename, filename2)
    exc.add_note("held by a scanner")
    assert dict.fromkeys(COPIES, seen(exc)) == {how: seen(make(exc)) for how, make in COPIES.items()}


def test_the_class_of_a_windows_error_looks_like_the_builtin():
    """It is made once, is named and printed like the builtin, is caught as it, and is not the builtin itself."""
    one, other = windows_error(5, "a"), windows_error(32, "b")
    made = type(one)
    assert made is type(other)
    assert ("PermissionError", "PermissionError", "builtins") == (
        made.__name__,
        made.__qualname__,
        made.__module__,
    )
    assert issubclass(made, PermissionError)
    assert made is not PermissionError
    assert ["PermissionError: [WinError 5] Access is denied: 'a'\n"] == traceback.format_exception_only(one)


def test_a_descriptor_in_a_blocking_error_is_its_file_name():
    """A BlockingIOError about a descriptor names it and does not take it for a count of characters."""
    exc = build(parse_error("WinError 164"), "winerror", 7)
    assert "[WinError 164] No more threads can be created in the system: 7" == str(exc)


@given(codes, filenames | st.none(), filenames | st.none(), st.permutations(list(COPIES)))
def test_a_copy_of_a_copy_keeps_everything(code, filename, filename2, ways):
    """However often and in whatever order an error is copied and pickled, on Windows as elsewhere."""
    exc = build(parse_error(f"WinError {code}"), "winerror", filename, filename2)
    exc.add_note("held by a scanner")
    told = seen(exc)
    for way in ways:
        exc = COPIES[way](exc)
        assert told == seen(exc), way


def test_what_the_system_has_raised_is_kept_whole(tmp_path):
    """The journal's copy of a native error has its code on Windows, and so has each copy of that."""
    with pytest.raises(FileNotFoundError) as caught:
        os.rename(tmp_path / "a", tmp_path / "b")
    told = seen(caught.value)
    assert 2 == getattr(caught.value, "winerror", 2)
    kept = copied(caught.value)
    for way, make in COPIES.items():
        kept = make(kept)
        assert told == seen(kept), way
    assert type(kept) == FileNotFoundError  # noqa: E721  # as who compares classes does


def test_a_row_brings_an_error_to_another_process_whole(tmp_path):
    """It is restored with its code, and copied there."""
    with pytest.raises(FileNotFoundError) as caught:
        os.rename(tmp_path / "a", tmp_path / "b")
    for exc in (caught.value, windows_error(32, "a", "b"), windows_error(5)):
        found = error_from_row(error_row(exc))
        for way, make in COPIES.items():
            found = make(found)
            assert seen(exc) == seen(found), way


def test_on_windows_native_errors_have_their_own_code(monkeypatch):
    """What the system has said stands."""
    monkeypatch.setattr(errors, "_ON_WINDOWS", True)
    native = OSError(errno.EACCES, "text")
    add_winerror(native, "winerror")
    assert {} == vars(native)


@given(codes)
def test_a_windows_number_prints_and_parses_back(code):
    """`str` gives back the text of the rule, and the text the same error."""
    error = parse_error(f"WinError {code}")
    assert (f"WinError {code}", code) == (str(error), error.winerror)
    assert error == parse_error(str(error))


@pytest.mark.parametrize("name", sorted(NAMES) + sorted(errno.errorcode.values()))
def test_a_name_prints_and_parses_back(name):
    """Every Windows name of the table and every errno name of the host can stand in a rule, and is hashable."""
    error = parse_error(name)
    assert name == str(error)
    assert {error} == {parse_error(name)}
    assert getattr(errno, name, error.errno) == error.errno


def test_two_spellings_of_one_error_have_one_meaning():
    """A name and its number differ in text only; a Windows error is not its errno."""
    number, name = parse_error("WinError 32"), parse_error("ERROR_SHARING_VIOLATION")
    assert number != name
    assert number.meaning == name.meaning == (32, errno.EACCES)
    assert (None, errno.EACCES) == parse_error("EACCES").meaning


WINERROR = "write 'WinError' and a number from 1 to 65535, such as 'WinError 32'"
NAME = "write a known Windows name, or its number as in 'WinError 32'"
ANY = (
    "write a Windows name such as 'ERROR_SHARING_VIOLATION', a number as in 'WinError 32', "
    "or an errno name of this system such as 'EACCES'"
)


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("WinError x", f"'WinError x' is not a valid error name: {WINERROR}"),
        ("WinError 0", f"'WinError 0' is not a valid error name: {WINERROR}"),
        ("WinError", f"'WinError' is not a valid error name: {WINERROR}"),
        (
            "WinError -32",
            f"'WinError -32' is not a valid error name: {WINERROR}; did you mean 'WinError 32'?",
        ),
        (
            "WinError 032",
            f"'WinError 032' is not a valid error name: {WINERROR}; did you mean 'WinError 32'?",
        ),
        (
            "WinError  32",
            f"'WinError  32' is not a valid error name: {WINERROR}; did you mean 'WinError 32'?",
        ),
        ("WinError \u0663\u0662", f"'WinError \u0663\u0662' is not a valid error name: {WINERROR}"),
        ("WinError 65536", f"'WinError 65536' is not a valid error name: {WINERROR}"),
        (
            "WinError 99999999999999999999",
            f"'WinError 99999999999999999999' is not a valid error name: {WINERROR}",
        ),
        ("winerror 32", f"'winerror 32' is not a valid error name: {WINERROR}; did you mean 'WinError 32'?"),
        (
            "[WinError 32]",
            f"'[WinError 32]' is not a valid error name: {WINERROR}; did you mean 'WinError 32'?",
        ),
        ("32", f"'32' is not a valid error name: {WINERROR}; did you mean 'WinError 32'?"),
        (32, f"32 is not a valid error name: {WINERROR}; did you mean 'WinError 32'?"),
        (
            "ERROR_ACES_DENIED",
            f"'ERROR_ACES_DENIED' is not a valid error name: {NAME}; did you mean 'ERROR_ACCESS_DENIED'?",
        ),
        ("ERROR_QQQQQQQQQ", f"'ERROR_QQQQQQQQQ' is not a valid error name: {NAME}"),
        (
            "error_disk_full",
            f"'error_disk_full' is not a valid error name: {ANY}; did you mean 'ERROR_DISK_FULL'?",
        ),
        ("EACCESS", f"'EACCESS' is not a valid error name: {ANY}; did you mean 'EACCES'?"),
        ("eacces", f"'eacces' is not a valid error name: {ANY}; did you mean 'EACCES'?"),
        ("", f"'' is not a valid error name: {ANY}"),
        (None, f"None is not a valid error name: {ANY}"),
        ([], f"[] is not a valid error name: {ANY}"),
        (
            "[Errno 13]",
            "'[Errno 13]' is not a valid error name: write an errno by its name, such as 'EACCES'; did you mean 'EACCES'?",
        ),
        (
            "errno 9999",
            "'errno 9999' is not a valid error name: write an errno by its name, such as 'EACCES'",
        ),
    ],
)
def test_what_is_no_error_is_refused_with_the_nearest_name(written, message):
    """A mistake says what was written, what to write instead, and the valid spelling closest to it."""
    with pytest.raises(FsFaultError, match=f"^{re.escape(message)}$"):
        parse_error(written)


CODE = "write a number from 1 to 65535, such as 32, or a name, such as 'ERROR_SHARING_VIOLATION'"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0,), f"0 is not a Windows error: {CODE}"),
        ((-5,), f"-5 is not a Windows error: {CODE}"),
        ((65536,), f"65536 is not a Windows error: {CODE}"),
        ((True,), f"True is not a Windows error: {CODE}"),
        ((None,), f"None is not a Windows error: {CODE}"),
        (("EACCES",), f"'EACCES' is not a Windows error: {CODE}"),
        (
            ("ERROR_DISK_FUL",),
            f"'ERROR_DISK_FUL' is not a Windows error: {CODE}; did you mean 'ERROR_DISK_FULL'?",
        ),
        ((5, 7), "7 is not a path: write a str, bytes or an object such as pathlib.Path"),
        (
            (5, None, "b"),
            "path2='b' needs a first path: give path too",
        ),
    ],
)
def test_windows_error_refuses_what_it_cannot_build(arguments, message):
    """The public function explains a wrong code or path like the rules do."""
    with pytest.raises(FsFaultError, match=f"^{re.escape(message)}$"):
        windows_error(*arguments)


@posix
@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.ENOENT, 2),
        (errno.EACCES, 5),
        (errno.EPERM, 5),
        (errno.EEXIST, 183),
        (errno.ENOTEMPTY, 145),
        (errno.ENOTDIR, 267),
        (errno.EISDIR, 5),
        (errno.EXDEV, 17),
        (errno.EBUSY, 32),
        (errno.ENOSPC, 112),
        (errno.EMFILE, 4),
        (errno.EROFS, 19),
        (errno.ENAMETOOLONG, 206),
        (errno.ELOOP, 1921),
        (errno.ENOMEM, 8),
        (errno.EINVAL, 87),
        (errno.EBADF, 6),
        (errno.EMLINK, 1142),
        (errno.EPROTO, 87),
        (None, None),
    ],
)
def test_a_native_error_gets_the_winerror_that_windows_would_give(number, code):
    """Code written for Windows can ask a native error for `winerror`; its text stays."""
    exc, plain = OSError(number, "text", "a"), OSError(number, "text", "a")
    add_winerror(exc, "winerror")
    add_winerror(plain, "errno")
    assert (code, None) == (exc.winerror, plain.winerror)
    assert str(OSError(number, "text", "a")) == str(exc)


def test_every_native_errno_maps_to_a_known_windows_error():
    """The way back from errno ends at codes that have a name and a text."""
    assert [] == [name for name, code in NATIVE.items() if code not in WINERRORS]


def test_a_winerror_that_is_there_stays():
    """An injected error keeps its own code."""
    exc = windows_error(32, "a")
    add_winerror(exc, "errno")
    assert 32 == exc.winerror


class _SealedError(OSError):
    @property
    def winerror(self):
        raise RuntimeError


@pytest.mark.parametrize("exc", [OSError(), OSError("text"), OSError([], "text"), _SealedError(13, "text")])
def test_adding_winerror_never_fails(exc):
    """An error without a usable errno, or one that resists, is left to the program as it is."""
    text = str(exc)
    add_winerror(exc, "winerror")
    assert text == str(exc)
    assert None is vars(exc).get("winerror")


def test_transient_errors_are_rule_texts_without_repetition():
    """Each can be written in a rule, and the two that scanners cause come first."""
    assert TRANSIENT == tuple(dict.fromkeys(str(parse_error(text)) for text in TRANSIENT))
    assert ("ERROR_ACCESS_DENIED", "ERROR_SHARING_VIOLATION") == TRANSIENT[:2]


@pytest.mark.parametrize("name", ["PermissionError", "FileNotFoundError", "FileExistsError", "OSError"])
def test_the_class_is_equal_to_the_builtin(name):
    """In comparisons, in sets and in tables by class, as tests and dispatchers use them."""
    code = {"PermissionError": 5, "FileNotFoundError": 2, "FileExistsError": 183, "OSError": 112}[name]
    builtin, made = getattr(builtins, name), type(windows_error(code, "f"))
    assert (builtin, code) == (made, windows_error(code, "f").winerror)
    assert (made, code) == (builtin, code)
    assert {builtin} == {made, builtin}
    assert "found" == {builtin: "found"}[made]
    assert {made}.isdisjoint({ValueError, PermissionError if name != "PermissionError" else OSError})
    assert issubclass(made, builtin)


@pytest.mark.parametrize(
    ("on_windows", "error", "speaks"),
    [
        pytest.param(False, OSError(2, "gone"), False, marks=posix_fact("an error without a winerror")),
        (False, errors.with_winerror(2, "gone", "a", 2, None), True),
        (True, OSError(2, "gone"), False),
        (True, errors.with_winerror(2, "gone", "a", 2, None), True),
    ],
)
def test_what_speaks_windows(monkeypatch, on_windows, error, speaks):
    """On Windows the attribute tells nothing: each error has it."""
    monkeypatch.setattr(errors, "_ON_WINDOWS", on_windows)
    if on_windows:
        vars(error).setdefault("winerror", None)
    assert speaks is errors.speaks_windows(error)
