"""Standard output of commands: as Windows has it, in a code page, and into a pipe that is closed."""

from __future__ import annotations

import io
import os
import sys
from errno import EINVAL, EIO, EPIPE

import pytest

from pytest_fsfault._host.console import say


def test_what_a_code_page_lacks_is_escaped(monkeypatch):
    """No name of a file ends a command."""
    data = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(data, "cp1252", newline=""))
    say("é 日本\n")
    assert "é \\u65e5\\u672c\n".encode("cp1252") == data.getvalue()


class Closed(io.StringIO):
    """A stream whose pipe gives an error; it has a descriptor of its own."""

    encoding = "utf-8"

    def __init__(self, number, descriptor):
        super().__init__()
        self.number, self.descriptor = number, descriptor

    def write(self, text):
        raise OSError(self.number, os.strerror(self.number))

    def fileno(self):
        return self.descriptor


@pytest.mark.parametrize("number", [EPIPE, EINVAL])
def test_a_reader_may_leave(number, monkeypatch):
    """Windows says so by another number; what comes after goes nowhere."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        monkeypatch.setattr(sys, "stdout", Closed(number, writing))
        say("x")
        assert 1 == os.write(writing, b"x")
    finally:
        os.close(writing)


def test_another_error_is_raised(monkeypatch):
    """A full disk, for one."""
    monkeypatch.setattr(sys, "stdout", Closed(EIO, -1))
    with pytest.raises(OSError, match="error"):
        say("x")
