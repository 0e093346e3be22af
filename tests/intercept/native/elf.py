"""Programs of some thirty bytes, written by hand: they need neither a compiler nor a library."""

import os
import platform
import struct

_BASE = 0x400000
_HEAD = 64 + 56


def _write(path, code, machine, data):
    entry = _BASE + _HEAD
    body = code + data
    header = struct.pack(
        "<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01", 2, machine, 1, entry, 64, 0, 0, 64, 56, 1, 0, 0, 0
    )
    size = _HEAD + len(body)
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, _BASE, _BASE, size, size, 0x1000)
    path.write_bytes(header + segment + body)
    path.chmod(0o755)
    return str(path)


def mkdir(path, made):
    """Write a program that makes the directory `made` and exits with the errno, 0 if there is none."""
    data = os.fsencode(made) + b"\0"
    if platform.machine() == "aarch64":
        address = _BASE + _HEAD + 9 * 4
        code = struct.pack(
            "<9I",
            0x12800C60 & 0xFFFFFFFF,  # mov w0, #-100
            0xD2800001 | (address & 0xFFFF) << 5,  # movz x1, low
            0xF2A00001 | (address >> 16) << 5,  # movk x1, high
            0xD2803802 | 0,  # mov x2, #0700
            0xD2800448,  # mov x8, #34
            0xD4000001,  # svc 0
            0xCB0003E0,  # neg x0, x0
            0xD2800BA8,  # mov x8, #93
            0xD4000001,  # svc 0
        )
        return _write(path, code, 183, data)
    address = _BASE + _HEAD + 31
    code = b"\xbf" + struct.pack("<I", address)  # mov edi, address
    code += b"\xbe\xc0\x01\x00\x00"  # mov esi, 0700
    code += b"\xb8\x53\x00\x00\x00\x0f\x05"  # mov eax, 83; syscall
    code += b"\xf7\xd8\x89\xc7"  # neg eax; mov edi, eax
    code += b"\xb8\x3c\x00\x00\x00\x0f\x05"  # mov eax, 60; syscall
    code += b"\x90" * (31 - len(code))
    return _write(path, code, 62, data)


def mkdir32(path):
    """Write a program that makes ``m32`` by a call of the 32-bit table, and exits with the errno."""
    address = _BASE + _HEAD + 28
    code = b"\xbb" + struct.pack("<I", address)  # mov ebx, address
    code += b"\xb9\xc0\x01\x00\x00"  # mov ecx, 0700
    code += b"\xb8\x27\x00\x00\x00\xcd\x80"  # mov eax, 39; int 0x80
    code += b"\xf7\xd8\x89\xc3"  # neg eax; mov ebx, eax
    code += b"\xb8\x01\x00\x00\x00\xcd\x80"  # mov eax, 1; int 0x80
    return _write(path, code, 62, b"m32\0")


def mkdir_of_32_bits(path):
    """Write a program for 32-bit machines that makes ``m32`` and exits with the errno."""
    head = 52 + 32
    address = _BASE + head + 28
    code = b"\xbb" + struct.pack("<I", address) + b"\xb9\xc0\x01\x00\x00"  # mov ebx, address; mov ecx, 0700
    code += b"\xb8\x27\x00\x00\x00\xcd\x80\xf7\xd8\x89\xc3"  # mov eax, 39; int 0x80; neg eax; mov ebx, eax
    code += b"\xb8\x01\x00\x00\x00\xcd\x80"  # mov eax, 1; int 0x80
    body = code + b"m32\0"
    header = struct.pack(
        "<16sHHIIIIIHHHHHH", b"\x7fELF\x01\x01\x01", 2, 3, 1, _BASE + head, 52, 0, 0, 52, 32, 1, 0, 0, 0
    )
    size = head + len(body)
    path.write_bytes(header + struct.pack("<IIIIIIII", 1, 0, _BASE, _BASE, size, size, 5, 0x1000) + body)
    path.chmod(0o755)
    return str(path)
