"""Open files of a fake: data arrive when they are flushed or closed, and each arrival can be refused."""

# ruff: noqa: PLW0108  # how a call is written is what is tested here

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from pytest_fsfault import SimulatedCrash, inject


@pytest.fixture(autouse=True)
def _site(fs):
    fs.create_file("/d/f", contents="0123456789")


def names(fsfault):
    """Return the operations of the journal."""
    return [entry.operation for entry in fsfault.journal]


def test_data_arrive_when_a_file_is_closed():
    """Writing fills a buffer; closing flushes it, which is no `file.flush` of the caller's."""
    with inject("file.write, file.flush, file.close -> delay 1ms or never") as fsfault:
        with open("/d/g", "w") as file:
            file.write("one")
            file.write("two")
            assert [] == names(fsfault)
    assert ["file.write", "file.close"] == names(fsfault)
    assert "onetwo" == Path("/d/g").read_text()


def test_data_arrive_when_a_file_is_flushed():
    """A flush of the caller's is an operation, and so is what it lets arrive."""
    with inject("file.write, file.flush -> delay 1ms or never") as fsfault:
        with open("/d/g", "wb") as file:
            file.write(b"one")
            file.flush()
            file.flush()
    assert ["file.write", "file.flush", "file.flush"] == names(fsfault)


def test_a_file_without_a_buffer_writes_at_once():
    """Each call is an arrival."""
    with inject("file.write -> delay 1ms") as fsfault, open("/d/g", "wb", buffering=0) as file:
        file.write(b"one")
        file.write(b"two")
        assert ["file.write"] * 2 == names(fsfault)


def test_a_full_disk_raises_at_close_and_leaves_what_fitted():
    """As in CPython: the file is closed all the same."""
    with inject("file.write -> short 4 then ENOSPC"):
        file = open("/d/g", "w")
        file.write("0123456789")
        with pytest.raises(OSError) as caught:
            file.close()
        assert file.closed
    assert errno.ENOSPC == caught.value.errno
    assert "0123" == Path("/d/g").read_text()


@pytest.mark.parametrize("mode", ["w", "wb", "a", "ab", "r+", "r+b"])
def test_short_writes_are_repeated_until_all_is_there(mode):
    """A buffer writes the rest by further calls, as CPython's does."""
    data = "abcdefghij" if "b" not in mode else b"abcdefghij"
    with inject("file.write -> short 4") as fsfault, open("/d/f", mode) as file:
        file.write(data)
        file.flush()
        assert 3 == len(fsfault.journal)
    expected = {"w": "abcdefghij", "a": "0123456789abcdefghij", "r": "abcdefghij"}
    assert expected[mode[0]] == Path("/d/f").read_text()


@pytest.mark.parametrize("mode", ["r", "rb"])
def test_short_reads_are_repeated_until_there_is_enough(mode):
    """What a buffer got short it asks for again: the caller sees nothing of it."""
    with inject("file.read -> short 4") as fsfault, open("/d/f", mode) as file:
        found = file.read()
        assert 4 == len(fsfault.journal)
    assert found in ("0123456789", b"0123456789")


def test_a_short_read_without_a_buffer_is_short():
    """The caller has to go on by himself."""
    with inject("file.read -> short 4"), open("/d/f", "rb", buffering=0) as file:
        assert b"0123" == file.read(8)
        assert b"4567" == file.read(8)


@pytest.mark.parametrize(
    "read",
    [
        lambda file: file.read(), lambda file: file.read(3), lambda file: file.readline(), lambda file: next(file),
        lambda file: file.readlines(), lambda file: list(file), lambda file: file.readinto(bytearray(4)),
    ],
)  # fmt: skip
def test_each_way_to_read_can_be_refused(read):
    """The error of an open file names no file."""
    with inject("file.read -> EIO when once"), open("/d/f", "rb") as file:
        with pytest.raises(OSError) as caught:
            read(file)
        assert (errno.EIO, None) == (caught.value.errno, caught.value.filename)
        read(file)


def test_cutting_a_file_can_be_refused():
    """And leaves it as it was."""
    with inject("file.truncate -> ERROR_USER_MAPPED_FILE"), open("/d/f", "r+") as file:
        with pytest.raises(PermissionError):
            file.truncate(3)
    assert "0123456789" == Path("/d/f").read_text()


def test_a_crash_loses_what_has_not_arrived(fs):
    """Neither `with` nor a later close brings it to the disk."""
    with pytest.raises(SimulatedCrash), inject("os.remove -> crash"):
        left = open("/d/h", "w")
        left.write("lost")
        with open("/d/g", "w") as file:
            file.write("lost as well")
            os.remove("/d/f")
    left.close()
    assert ["", "", "0123456789"] == [fs.get_object(f"/d/{name}").contents for name in ("g", "h", "f")]


def test_what_pyfakefs_says_itself_stays():
    """A file that is open for reading is not written, with a session or without."""
    with inject("file.write -> EIO or never"), open("/d/f") as file, pytest.raises(OSError, match="not open"):
        file.write("x")
