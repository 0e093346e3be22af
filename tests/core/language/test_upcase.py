"""The table by which names are compared is the one that Windows writes to a volume."""

import hashlib
import struct

from pytest_fsfault._core.language.folding import fold
from pytest_fsfault._core.language.upcase import upper_case


def test_the_table_is_that_of_windows():
    """The 65,536 units of ``$UpCase``, as Windows 8 writes it; the sum is from ntfs-3g libntfs-3g/unistr.c."""
    units = [upper_case().get(unit, unit) for unit in range(0x10000)]
    content = struct.pack("<65536H", *units)
    assert "7ff498a44e45e77374cc7c962b1b92f2" == hashlib.md5(content, usedforsecurity=False).hexdigest()


def test_letters_of_ascii_are_among_those_that_are_folded():
    """In a name with other letters, too."""
    assert "\u00c4BC" == fold("\u00e4bc")
    assert "ABC" == fold("abc")
