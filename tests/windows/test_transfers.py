"""Reads and writes of nothing: the C runtime of Windows asks the system for none.

Source: UCRT lowio/read.cpp `_read_nolock`, lowio/write.cpp `_write_nolock`.
"""

from __future__ import annotations

import errno
import os

import pytest
from skips import left_to_windows

from pytest_fsfault import inject

pytestmark = left_to_windows("what its C runtime does")

RULES = [(), ("os.read, os.write *.txt -> ERROR_ACCESS_DENIED when nth 9 or never",)]


@pytest.fixture
def file(tmp_path):
    """Return the path of a file of four bytes."""
    (tmp_path / "file.txt").write_bytes(b"text")
    return str(tmp_path / "file.txt")


def outcome(call, flags, path, amount):
    """Return what a call on a new descriptor returns, or its errno as a negative number."""
    descriptor = os.open(path, flags)
    try:
        return call(descriptor, amount)
    except OSError as error:
        return -error.errno
    finally:
        os.close(descriptor)


@pytest.mark.parametrize("rules", RULES, ids=["no rule", "a rule"])
def test_nothing_is_transferred_by_any_descriptor(file, rules):
    """Without the right to read or write only an amount is refused, with EBADF as on the host."""
    with inject(*rules, windows="11", roots=[os.path.dirname(file)]):
        assert 0 == outcome(os.write, os.O_RDONLY, file, b"")
        assert 0 == outcome(os.write, os.O_RDONLY, file, memoryview(b""))
        assert b"" == outcome(os.read, os.O_WRONLY, file, 0)
        assert -errno.EBADF == outcome(os.write, os.O_RDONLY, file, b"x")
        assert -errno.EBADF == outcome(os.read, os.O_WRONLY, file, 1)
        assert (b"text", 4) == (
            outcome(os.read, os.O_RDONLY, file, 9),
            outcome(os.write, os.O_WRONLY, file, b"TEXT"),
        )


def test_elsewhere_the_host_answers(file, tmp_path_factory):
    """Without a model, outside the roots, and for a descriptor that is closed, nothing is answered for it."""
    roots = [tmp_path_factory.mktemp("root")]
    for keywords in ({"windows": "11", "roots": roots}, {"roots": [os.path.dirname(file)]}):
        with inject(**keywords):
            assert -errno.EBADF == outcome(os.write, os.O_RDONLY, file, b"")
            assert -errno.EBADF == outcome(os.read, os.O_WRONLY, file, 0)
    with inject(windows="11", roots=[os.path.dirname(file)]):
        for call, amount in ((os.write, b""), (os.read, 0)):
            with pytest.raises(OSError, match="Bad file descriptor"):
                call(99_999, amount)
