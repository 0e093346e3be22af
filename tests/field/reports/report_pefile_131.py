"""A program that was parsed is still mapped when it is removed (erocarrera/pefile#131)."""

import os
import struct

import pefile
import pytest


@pytest.mark.fsfault(windows="11")
def test_remove_after_parsing(tmp_path):
    dos = b"MZ" + bytes(58) + struct.pack("<I", 64)
    coff = struct.pack("<HHIIIHH", 0x8664, 0, 0, 0, 0, 240, 0x22)
    (tmp_path / "a.exe").write_bytes(dos + b"PE\0\0" + coff + struct.pack("<H", 0x20B) + bytes(400))
    program = pefile.PE(str(tmp_path / "a.exe"), fast_load=True)
    os.remove(tmp_path / "a.exe")
    program.close()
