"""The functions of Windows that Python does not offer, by ctypes; each says its page at Microsoft.

Loaded on Windows alone, and when first needed: ctypes is slow to import.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from ctypes import (
    POINTER,
    byref,
    c_int,
    c_int64,
    c_uint16,
    c_uint32,
    c_uint64,
    c_void_p,
    c_wchar_p,
    create_unicode_buffer,
)
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

if sys.platform == "win32":
    from _winapi import CloseHandle, OpenProcess
    from msvcrt import get_osfhandle

    _kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
    _ntdll = ctypes.WinDLL("ntdll")
    _shell32 = ctypes.WinDLL("shell32", use_last_error=True)
    _ucrt = ctypes.CDLL("ucrtbase")

    _LONGEST = 32_768  # characters of a path
    _WRITES = 0x2 | 0x4  # FILE_WRITE_DATA, FILE_APPEND_DATA
    _ACCESS_INFORMATION = 8  # FileAccessInformation

    _kernel32.GetLongPathNameW.argtypes = c_wchar_p, c_wchar_p, c_uint32
    _kernel32.GetFinalPathNameByHandleW.argtypes = c_void_p, c_wchar_p, c_uint32, c_uint32
    _kernel32.LocalFree.argtypes = (c_void_p,)
    _shell32.CommandLineToArgvW.argtypes = c_wchar_p, POINTER(c_int)
    _shell32.CommandLineToArgvW.restype = POINTER(c_wchar_p)
    _ntdll.NtQueryInformationFile.argtypes = c_void_p, c_void_p, c_void_p, c_uint32, c_int
    _system_time = _kernel32.GetSystemTimeAsFileTime
    _system_time.argtypes, _system_time.restype = (c_void_p,), None
    _UNIX_EPOCH = 116_444_736_000_000_000  # in FILETIME's 100 ns since 1601

    def system_time_ns() -> int:
        """Return the time of the system's latest tick, in nanoseconds since 1970; files are stamped by it.

        `time.time_ns` is finer from Python 3.13 on (https://github.com/python/cpython/issues/63207), and up to 16 ms later.
        https://learn.microsoft.com/windows/win32/api/sysinfoapi/nf-sysinfoapi-getsystemtimeasfiletime
        """
        now = c_uint64()
        _system_time(byref(now))
        return (now.value - _UNIX_EPOCH) * 100

    _open_thread, _thread_times = _kernel32.OpenThread, _kernel32.GetThreadTimes
    _open_thread.argtypes, _open_thread.restype = (c_uint32, c_int, c_uint32), c_void_p
    _thread_times.argtypes = c_void_p, c_void_p, c_void_p, c_void_p, c_void_p
    _LIMITED = 0x0800  # THREAD_QUERY_LIMITED_INFORMATION

    def thread_time_ns(number: int) -> int | None:
        """Return the CPU time of a thread of this system; None of one that has ended, or is not ours to ask.

        https://learn.microsoft.com/windows/win32/api/processthreadsapi/nf-processthreadsapi-getthreadtimes
        """
        handle = _open_thread(_LIMITED, 0, number) if number > 0 else None
        if handle is None:
            return None
        times = (c_uint64 * 4)()  # creation, exit, kernel, user, in 100 ns
        places = [byref(times, 8 * index) for index in range(4)]
        told = _thread_times(handle, *places)
        CloseHandle(handle)
        return (times[2] + times[3]) * 100 if told else None

    _io_counters = _kernel32.GetProcessIoCounters
    _io_counters.argtypes = c_void_p, c_void_p

    def write_count() -> int:
        """Return how many times this process has written to files, pipes and devices; 0 where that is not counted, as in Wine.

        https://learn.microsoft.com/windows/win32/api/winbase/nf-winbase-getprocessiocounters
        """
        counters = (c_uint64 * 6)()  # IO_COUNTERS
        this_process = -1  # what GetCurrentProcess returns
        return counters[1] if _io_counters(this_process, byref(counters)) else 0

    def long_path_name(path: str) -> str:
        """Return an existing path without 8.3 names; raise OSError if it does not exist.

        https://learn.microsoft.com/windows/win32/api/fileapi/nf-fileapi-getlongpathnamew
        """
        buffer = create_unicode_buffer(_LONGEST)
        if not _kernel32.GetLongPathNameW(path.replace("/", "\\"), buffer, _LONGEST):
            raise ctypes.WinError(ctypes.get_last_error())
        return buffer.value

    def final_path_name(descriptor: int) -> str:
        """Return the path of the file or directory behind a descriptor, as the disk has it; OSError for a pipe.

        https://learn.microsoft.com/windows/win32/api/fileapi/nf-fileapi-getfinalpathnamebyhandlew
        """
        buffer = create_unicode_buffer(_LONGEST)
        if not _kernel32.GetFinalPathNameByHandleW(get_osfhandle(descriptor), buffer, _LONGEST, 0):
            raise ctypes.WinError(ctypes.get_last_error())
        return buffer.value

    def is_writable(descriptor: int) -> bool:
        """Return whether a descriptor was opened for writing; raise OSError if it is not open.

        https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-ntqueryinformationfile
        """
        status, access = (c_void_p * 2)(), c_uint32()
        query = _ntdll.NtQueryInformationFile
        failed = query(get_osfhandle(descriptor), status, byref(access), 4, _ACCESS_INFORMATION)
        return not failed and bool(access.value & _WRITES)

    def descriptors() -> list[int]:
        """Return the open descriptors of the C runtime, which lists none: each number is asked for."""
        found = []
        for number in range(_ucrt._getmaxstdio()):
            try:
                get_osfhandle(number)
            except OSError:
                continue
            found.append(number)
        return found

    class _UnicodeString(ctypes.Structure):
        _fields_ = (("length", c_uint16), ("most", c_uint16), ("buffer", c_void_p))

    class _ProcessInformation(ctypes.Structure):
        # SYSTEM_PROCESS_INFORMATION, up to the last field that is read here, and the size of what follows.
        _fields_ = (
            ("following", c_uint32), ("thread_count", c_uint32), ("_1", c_uint64 * 3), ("started", c_int64),
            ("_2", c_int64 * 2), ("name", _UnicodeString), ("_3", c_uint32), ("number", c_void_p), ("parent", c_void_p),
            ("_4", c_uint32 * 2), ("_5", c_void_p * 2), ("_6", c_void_p * 11), ("_7", c_int64 * 6),
        )  # fmt: skip

    class _ThreadInformation(ctypes.Structure):
        # SYSTEM_THREAD_INFORMATION.
        _fields_ = (
            ("kernel_time", c_int64), ("user_time", c_int64), ("_1", c_int64), ("_2", c_uint32), ("_3", c_void_p * 2),
            ("number", c_void_p), ("_4", c_uint32 * 2), ("switches", c_uint32), ("state", c_uint32), ("_5", c_uint32),
        )  # fmt: skip

    _PROCESSES = 5  # SystemProcessInformation
    _TOO_SMALL = -1_073_741_820  # STATUS_INFO_LENGTH_MISMATCH
    _buffer = ctypes.create_string_buffer(1 << 20)

    Threads = Callable[[], list[tuple[int, int, int, int]]]

    def processes() -> Iterator[tuple[int, int, int, str, int, Threads]]:
        """Yield each process: number, parent, start, program, how many threads it has, and what returns them.

        Of a thread these are number, CPU time, switches and state.
        """
        global _buffer  # noqa: PLW0603  # as large as was needed so far
        needed = c_uint32()
        while _ntdll.NtQuerySystemInformation(_PROCESSES, _buffer, len(_buffer), byref(needed)) == _TOO_SMALL:
            _buffer = ctypes.create_string_buffer(needed.value + (1 << 16))
        raw, place, size = bytearray(_buffer), 0, ctypes.sizeof(_ProcessInformation)
        base = ctypes.addressof(_buffer)
        while True:
            one = _ProcessInformation.from_buffer(raw, place)
            at = one.name.buffer
            name = ctypes.wstring_at(at, one.name.length // 2) if at and 0 <= at - base < len(raw) else ""
            threads = partial(_threads, raw, place + size, one.thread_count)
            yield one.number or 0, one.parent or 0, one.started, name, one.thread_count, threads
            if not one.following:
                return
            place += one.following

    def _threads(raw: bytearray, place: int, count: int) -> list[tuple[int, int, int, int]]:
        found = (_ThreadInformation * count).from_buffer(raw, place)
        return [(one.number or 0, one.kernel_time + one.user_time, one.switches, one.state) for one in found]

    _QUERY = 0x1000  # PROCESS_QUERY_LIMITED_INFORMATION
    _program = _kernel32.QueryFullProcessImageNameW
    _program.argtypes = c_void_p, c_uint32, c_wchar_p, POINTER(c_uint32)

    def program_of(number: int) -> str:
        """Return the path of the program that a process runs; nothing if that may not be known.

        https://learn.microsoft.com/windows/win32/api/winbase/nf-winbase-queryfullprocessimagenamew
        """
        try:
            process = OpenProcess(_QUERY, False, number)  # not inherited
        except OSError:
            return ""
        buffer, size = create_unicode_buffer(_LONGEST), c_uint32(_LONGEST)
        found = _program(process, 0, buffer, byref(size))
        CloseHandle(process)
        return buffer.value if found else ""

    class _SecurityAttributes(ctypes.Structure):
        _fields_ = (("length", c_uint32), ("descriptor", c_void_p), ("inherit", c_int))

    # Protected from what would be inherited: all for the owner, and for the system.
    _PRIVATE = "D:P(A;;GA;;;OW)(A;;GA;;;SY)"
    _advapi32 = ctypes.WinDLL("advapi32", use_last_error=True)
    _described = _advapi32.ConvertStringSecurityDescriptorToSecurityDescriptorW
    _described.argtypes = c_wchar_p, c_uint32, POINTER(c_void_p), c_void_p

    def private_security() -> tuple[int, object]:
        """Return the address of security attributes for what this user alone may open, and what keeps them alive.

        https://learn.microsoft.com/windows/win32/secauthz/security-descriptor-string-format
        """
        descriptor = c_void_p()
        if not _described(_PRIVATE, 1, byref(descriptor), None):
            raise ctypes.WinError(ctypes.get_last_error())
        made = _SecurityAttributes(ctypes.sizeof(_SecurityAttributes), descriptor, 0)
        return ctypes.addressof(made), made

    class _UniqueProcess(ctypes.Structure):
        _fields_ = (("number", c_uint32), ("started", c_uint32 * 2))

    class _ProcessInfo(ctypes.Structure):
        # RM_PROCESS_INFO.
        _fields_ = (
            ("process", _UniqueProcess), ("name", ctypes.c_wchar * 256), ("service", ctypes.c_wchar * 64),
            ("kind", c_int), ("status", c_uint32), ("session", c_uint32), ("restartable", c_int),
        )  # fmt: skip

    class _RestartManager:
        """rstrtmgr.dll; it needs no rights of an administrator."""

        def __init__(self) -> None:
            self._library = ctypes.WinDLL("rstrtmgr")

        def start(self) -> tuple[int, int, str]:
            session, key = c_uint32(), create_unicode_buffer(33)  # CCH_RM_SESSION_KEY + 1
            code = self._library.RmStartSession(byref(session), 0, key)
            return code, session.value, key.value

        def register(self, session: int, path: str) -> int:
            code: int = self._library.RmRegisterResources(
                session, 1, byref(c_wchar_p(path)), 0, None, 0, None
            )
            return code

        def holders(self, session: int, room: int) -> tuple[int, int, list[tuple[int, str]]]:
            needed, count, reasons = c_uint32(), c_uint32(room), c_uint32()
            found = (_ProcessInfo * room)()
            code = self._library.RmGetList(session, byref(needed), byref(count), found, byref(reasons))
            listed = found[: count.value] if not code else []
            return code, needed.value, [(one.process.number, one.name) for one in listed]

        def end(self, session: int) -> int:
            code: int = self._library.RmEndSession(session)
            return code

    def restart_manager() -> _RestartManager | None:
        """Return the Restart Manager; None where there is none."""
        try:
            return _RestartManager()
        except OSError:
            return None

    def arguments_of(line: str) -> list[str]:
        """Return the arguments of a command line.

        https://learn.microsoft.com/windows/win32/api/shellapi/nf-shellapi-commandlinetoargvw
        """
        count = c_int()
        found = _shell32.CommandLineToArgvW(line, byref(count))
        try:
            return [found[index] or "" for index in range(count.value)]
        finally:
            _kernel32.LocalFree(found)
