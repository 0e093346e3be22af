"""Command lines that can be pasted into the shell of this system."""

import os
import shutil
import subprocess
import sys

import pytest
from skips import WINDOWS, posix_fact

from pytest_fsfault._host.command_lines import _quoted, joined, listed

ARGUMENTS = ["pytest", "tests/test_a.py::test_b[x y]", "--fsfault-rule", "os.remove -> EACCES when first 2"]


def test_what_is_joined_is_read_back_as_it_was():
    """By the shell that people have here."""
    line = joined([sys.executable, "-c", "import sys; print(sys.argv[1:])", *ARGUMENTS])
    found = subprocess.run(line, shell=True, check=True, capture_output=True, text=True)
    assert str(ARGUMENTS) == found.stdout.strip()


@pytest.mark.skipif(not WINDOWS, reason="how Windows quotes")
def test_windows_quotes_by_double_quotes():
    """Its shells take no others."""
    assert (
        'pytest "tests/test_a.py::test_b[x y]" --fsfault-rule "os.remove -> EACCES when first 2"'
        == joined(ARGUMENTS)
    )


@pytest.mark.skipif(not WINDOWS, reason="how Windows quotes")
@pytest.mark.parametrize("argument", ["a&b\\", "a b\\", "%x%", 'a"b', "a|b"])
def test_windows_reads_back_what_its_shells_would_take_for_their_own(argument):
    """A final backslash too, which would hide the quote behind it."""
    assert ["x", argument] == list(listed(joined(["x", argument])))


def test_windows_shows_what_its_shells_cannot_read():
    """A control character is escaped: no terminal obeys it."""
    assert r'"a\x1b[2J b"' == _quoted("a\x1b[2J b")
    assert 'a"' not in _quoted("a&b\\")
    assert '"a&b\\\\"' == _quoted("a&b\\")


@posix_fact("shells that take single quotes")
def test_posix_quotes_as_shlex_does():
    """What needs no quotes has none."""
    assert "pytest a.py '-k x' 'a b'" == joined(["pytest", "a.py", "-k x", "a b"])


@posix_fact("shells that read escapes")
@pytest.mark.skipif(shutil.which("bash") is None, reason="POSIX fact: bash")
@pytest.mark.parametrize(
    "argument", ["a\x1b[2J'b\\n", "\udcff\n x", "a\u202eb", "'\x07", "ü", "a b", "\x1b123"], ids=ascii
)
def test_control_characters(argument):
    """What a terminal would obey is escaped such that a shell reads it as it was."""
    line = joined([argument])
    assert line.isprintable()
    done = subprocess.run(["bash", "-c", f"printf %s {line}"], capture_output=True, check=True)
    assert os.fsencode(argument) == done.stdout
