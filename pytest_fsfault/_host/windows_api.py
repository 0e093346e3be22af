"""The functions of Windows that Python does not offer, by ctypes; each says its page at Microsoft.

Loaded on Windows alone, and when first needed: ctypes is slow to import.
"""

from __future__ import annotations

import ctypes
import sys
from ctypes import POINTER, byref, c_int, c_uint32, c_void_p, c_wchar_p, create_unicode_buffer

if sys.platform == "win32":
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
